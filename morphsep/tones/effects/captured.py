"""A captured device as an effect, whose knob can be turned while it plays."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from morphsep.dsp import Signal
from morphsep.errors import SettingError
from morphsep.tones.capture import Device, load_device
from morphsep.tones.effects.effect import Parameter, Setting, Value, level

KNOB = "gain"
"""What the knob is called: the files do not name it."""
HALF_WAY = 0.5


class Capture:
    """``capture_filename``: a ``.json`` of GuitarML's tools; ``gain``: its knob, where it has one.

    ``mix`` is fixed: to a chain without the capture there is no way but a mix of both sounds, which
    is no in-between.
    """

    parameters: Mapping[str, Parameter] = MappingProxyType(
        {
            "capture_filename": Parameter(default=""),
            KNOB: Parameter(default=HALF_WAY, low=0, high=1, scale="linear"),
            "mix": Parameter(default=1.0, low=0, high=1),
        }
    )
    rank = 3
    exact_when_neutral = False

    def context(self, settings: Mapping[str, Setting]) -> tuple[int, int]:
        return _device(settings).context

    def process(self, signal: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        return _device(settings).render(signal, start, level(settings[KNOB]))


def _device(settings: Mapping[str, Value]) -> Device:
    """
    Raises:
        SettingError: no file, one that cannot be played, or a knob that it does not have.
    """
    path = str(settings["capture_filename"])
    if not path:
        raise SettingError("it needs capture_filename")
    device = load_device(path)
    if not device.network.has_knob and np.any(np.not_equal(level(settings[KNOB]), HALF_WAY)):
        raise SettingError(f"{path} was captured without a knob, so {KNOB} means nothing")
    return device
