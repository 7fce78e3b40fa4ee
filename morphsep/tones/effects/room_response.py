"""RoomResponse: a measured room whose decay and level can be turned."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from morphsep.dsp import Signal
from morphsep.tones.effects.convolution import HOP, Spectra, convolved, crossfaded
from morphsep.tones.effects.effect import Parameter, Setting, Value, level
from morphsep.tones.effects.measured_room import MeasuredRoom, measured_room


class RoomResponse:
    """Convolution with an impulse response whose octaves decay faster by a factor.

    At ``decay`` 1 and ``level_db`` 0 it is the response itself, as pedalboard plays it. Each octave
    keeps its own share of the reverberation time: on the way from no room at all they begin at a
    tenth of their own, 30 dB lower, and grow by equal ratios.
    """

    parameters: Mapping[str, Parameter] = MappingProxyType(
        {
            "impulse_response_filename": Parameter(default=""),
            "decay": Parameter(default=1.0, low=0.02, high=1, scale="log", neutral=0.1),
            "level_db": Parameter(default=0.0, low=-60, high=20, scale="linear", neutral=-30.0),
        }
    )
    rank = 7
    exact_when_neutral = False

    def context(self, settings: Mapping[str, Setting]) -> tuple[int, int]:
        room = measured_room(str(settings["impulse_response_filename"]))
        return room.response.shape[1] + HOP, HOP

    def process(self, signal: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        room = measured_room(str(settings["impulse_response_filename"]))
        decay, tail = level(settings["decay"]), level(settings["level_db"])
        if not isinstance(decay, np.ndarray) and not isinstance(tail, np.ndarray):
            return convolved(signal, start, _reshaped(room, float(decay), float(tail)), _each)
        decays, levels = np.broadcast_arrays(decay, tail)

        def response(at: int) -> Signal:
            return _reshaped(room, float(decays[at]), float(levels[at]))

        return crossfaded(signal, start, response, _each)


@lru_cache(maxsize=2)
def _reshaped(room: MeasuredRoom, decay: float, level_db: float) -> Signal:
    """Kept where a setting pauses."""
    return room.reshaped(decay, level_db)


def _each(channels: Spectra, responses: Spectra) -> Spectra:
    """Each channel through its own response; both through the one of a mono file."""
    kept = responses[: channels.shape[0]]
    return np.asarray(channels * kept.reshape(kept.shape[0], *[1] * (channels.ndim - 2), -1))
