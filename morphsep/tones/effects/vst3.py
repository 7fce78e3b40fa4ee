"""A VST3 plugin as an effect, through pedalboard."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from morphsep.dsp import MODEL_RATE, Signal
from morphsep.errors import SettingError
from morphsep.tones.effects.effect import Parameter, Setting, Value
from morphsep.tones.effects.plugin import run_whole

SETTLE_SECONDS = 2.0
"""A plugin does not say how long it remembers; a chain's ``context`` overrides this."""


class VST3:
    """``path`` to a .vst3 file or bundle, ``parameters`` by the names that the plugin gives them.

    Its settings stay constant over a morph, only its mix moves. An LFO inside it starts afresh at
    every chunk: nothing outside a plugin can lock it to song time.
    """

    parameters: Mapping[str, Parameter] = MappingProxyType(
        {
            "path": Parameter(default=""),
            "plugin_name": Parameter(default=""),
            "parameters": Parameter(default=()),
        }
    )
    rank = 5
    exact_when_neutral = False

    def context(self, settings: Mapping[str, Setting]) -> tuple[int, int]:
        return round(SETTLE_SECONDS * MODEL_RATE), 0

    def process(self, signal: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        return run_whole(load(settings), signal)


_LOADED = threading.local()


def load(settings: Mapping[str, Any]) -> Any:
    """The plugin with its parameters set; loaded once a thread, since it holds state.

    Raises:
        SettingError: it cannot be loaded, or has no such parameter.
    """
    key = (settings["path"], settings["plugin_name"], settings["parameters"])
    plugins: dict[Any, Any] = _LOADED.__dict__.setdefault("plugins", {})
    if key not in plugins:
        plugins[key] = _open(*key)
    return plugins[key]


def _open(path: str, plugin_name: str, parameters: tuple[tuple[str, Any], ...]) -> Any:
    from pedalboard._pedalboard import load_plugin

    try:
        plugin: Any = load_plugin(path, plugin_name=plugin_name or None)
    except (ImportError, ValueError, OSError) as error:
        raise SettingError(f"{path} cannot be loaded as a VST3 plugin: {error}") from error
    for name, value in parameters:
        if name not in plugin.parameters:
            allowed = ", ".join(sorted(plugin.parameters))
            raise SettingError(f"{path} has no parameter {name!r}; it has {allowed}")
        try:
            setattr(plugin, name, value)
        except (ValueError, TypeError) as error:
            raise SettingError(f"{path}, parameter {name}: {error}") from error
    return plugin
