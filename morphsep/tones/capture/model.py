"""Reads Neural Amp Modeler's files, and builds their networks with its own package.

A ``.nam`` file is JSON: no code, nothing is unpickled. Files of versions before 0.7 name some
settings of a WaveNet differently than the package does today; they are translated.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, cast

from morphsep.errors import SettingError

ARCHITECTURES = ("WaveNet", "LSTM", "Linear")
CONTAINER = "SlimmableContainer"
"""Several networks of one amplifier, from cheap to good; the last and best one is taken."""
DEFAULT_RATE = 48_000
"""Hz. Old files do not state their rate; all were made at this one."""


def read_definition(path: str) -> dict[str, Any]:
    """The file's content (for a container, its best network), checked as far as possible without
    building the network.

    Raises:
        SettingError: no such file, not JSON, not a capture, or of a kind that cannot be played.
    """
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SettingError(f"{path} is damaged or not an amp capture: it is not JSON") from error
    problem = _problem(found := _best(found))
    if problem:
        raise SettingError(f"{path} is not a playable amp capture: {problem}")
    assert isinstance(found, dict)
    return found


def _best(found: object) -> object:
    if isinstance(found, dict) and found.get("architecture") == CONTAINER:
        try:
            return found["config"]["submodels"][-1]["model"]
        except (KeyError, IndexError, TypeError):
            return None
    return found


def _problem(found: object) -> str:
    if not isinstance(found, dict) or not {"architecture", "config", "weights"} <= found.keys():
        return "it lacks 'architecture', 'config' or 'weights'"
    if found["architecture"] not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        return f"its network is of the kind {found['architecture']!r}; there are {known}"
    weights, rate = found["weights"], found.get("sample_rate") or DEFAULT_RATE
    if not isinstance(weights, list) or not all(_is_number(w) for w in weights):
        return "its weights are not a list of numbers"
    if not _is_number(rate) or not 8_000 <= rate <= 384_000 or rate != int(rate):
        return f"its sample rate is {rate!r}"
    return ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def sample_rate(definition: Mapping[str, Any]) -> int:
    """The capture's sample rate in Hz."""
    return int(definition.get("sample_rate") or DEFAULT_RATE)


def metadata(definition: Mapping[str, Any]) -> Mapping[str, Any]:
    """The metadata written by the file's maker; may be empty."""
    found = definition.get("metadata")
    return found if isinstance(found, dict) else {}


@lru_cache(maxsize=4)
def load_network(path: str, digest: str) -> Any:
    """The network in evaluation mode, once per process; ``digest`` is that of the file's content.

    Raises:
        SettingError: the extra is missing, or settings and weights do not fit together.
    """
    definition = read_definition(path)
    build = _builder()
    try:
        config = _translated(definition)
        network = build({**definition, "config": config})
        kept = network._export_weights()
    except (KeyError, ValueError, TypeError, IndexError, RuntimeError, AssertionError,
            NotImplementedError) as error:  # fmt: skip
        detail = " ".join(str(error).split())[:200] or type(error).__name__
        version = definition.get("version", "unknown")
        raise SettingError(
            f"{path} (file version {version}) cannot be loaded by neural-amp-modeler: {detail}; "
            "the file is damaged, or needs another version of that package"
        ) from error
    if len(kept) != len(definition["weights"]):
        raise SettingError(
            f"{path} is damaged: its network takes {len(kept)} weights, and it has "
            f"{len(definition['weights'])}"
        )
    return network.requires_grad_(False).eval()


def _translated(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The file's settings under today's names."""
    config = dict(definition["config"])
    if definition["architecture"] == "WaveNet":
        config["layers"] = [_layers(each) for each in config["layers"]]
        config.setdefault("head", None)
    return config


def _layers(old: Mapping[str, Any]) -> dict[str, Any]:
    new = dict(old)
    if "head_size" in new:
        bias = bool(new.pop("head_bias", False))
        new["head"] = {"out_channels": new.pop("head_size"), "kernel_size": 1, "bias": bias}
    gated = new.pop("gated", False)
    if gated and isinstance(new.get("activation"), str):
        primary = new["activation"]
        new["activation"] = {"name": "PairMultiply", "primary": primary, "secondary": "Sigmoid"}
    return new


def _builder() -> Callable[[Mapping[str, Any]], Any]:
    """The package's own loader, without its ``__init__``, which imports the trainer with tkinter,
    lightning and matplotlib: a server may lack them, and importing them takes seconds."""
    spec = find_spec("nam")
    if spec is None or spec.submodule_search_locations is None:
        raise SettingError(
            "an amp capture (.nam) needs neural-amp-modeler: pip install 'morphsep[nam]'"
        )
    whole = "nam" in sys.modules
    if not whole:
        package = ModuleType("nam")
        package.__path__ = list(spec.submodule_search_locations)
        package.__spec__ = spec
        sys.modules["nam"] = package
    try:
        loader = import_module("nam.models._from_nam")
    except ImportError as error:
        raise SettingError(
            f"neural-amp-modeler is damaged or lacks {error.name}: pip install 'morphsep[nam]'"
        ) from error
    finally:
        if not whole:
            del sys.modules["nam"]
    return cast(Callable[[Mapping[str, Any]], Any], loader.init_from_nam)
