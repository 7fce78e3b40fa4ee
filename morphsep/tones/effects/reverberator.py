"""Reverberator: a room whose parameters each lie on their own scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from morphsep.dsp import Signal
from morphsep.tones.effects.convolution import HOP, Spectra, convolved, crossfaded
from morphsep.tones.effects.effect import Parameter, Setting, Value, level, number
from morphsep.tones.effects.room import LATEST_MS, LONGEST_S, Room

NAMES = tuple(each.name for each in fields(Room))


class Reverberator:
    """The sound and the room around it; `Room` says what the parameters are.

    Between two rooms reverberation times change by equal ratios, levels by equal decibels; from
    none they begin at 0.4 s and 30 dB below the direct sound. While a setting moves, a new room
    begins every 0.19 s of the song, and sound rings on in the room that it began in. The loudness
    stays, to first order.
    """

    parameters: Mapping[str, Parameter] = MappingProxyType(
        {
            "t60_s": Parameter(default=1.5, low=0.1, high=LONGEST_S, scale="log", neutral=0.4),
            "high_ratio": Parameter(default=0.4, low=0.05, high=1, scale="log"),
            "pre_delay_ms": Parameter(
                default=15.0, low=0, high=LATEST_MS, scale="linear", neutral=0.0
            ),
            "late_db": Parameter(default=-6.0, low=-60, high=20, scale="linear", neutral=-30.0),
            "early_db": Parameter(default=-9.0, low=-60, high=20, scale="linear", neutral=-30.0),
        }
    )
    rank = 7
    exact_when_neutral = False

    def context(self, settings: Mapping[str, Setting]) -> tuple[int, int]:
        room = Room(**{name: number(settings[name]) for name in NAMES})
        return room.num_samples + HOP, HOP

    def process(self, signal: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        curves = {name: level(settings[name]) for name in NAMES}
        channels = _middle_and_side(signal)
        if any(isinstance(curve, np.ndarray) for curve in curves.values()):
            moving = np.broadcast_arrays(*(np.asarray(curve) for curve in curves.values()))

            def response(at: int) -> Signal:
                return _response(tuple(float(curve[at]) for curve in moving))

            added = crossfaded(channels, start, response, _around)
        else:
            added = convolved(channels, start, _response(tuple(curves.values())), _around)
        return (signal + added) * _makeup(curves["late_db"], curves["early_db"])


def _makeup(late_db: float | Signal, early_db: float | Signal) -> Signal:
    """Gain that makes up for half the energy that is added, in decibels: the other half is in the
    pauses, where it hardly counts as loudness (measured on the demo's guitar)."""
    added = 10 ** (np.asarray(late_db) / 10) + 10 ** (np.asarray(early_db) / 10)
    return np.asarray((1 + added) ** -0.25, np.float32)


def _middle_and_side(signal: Signal) -> Signal:
    """Half the sum and half the difference of two channels; one channel as it is."""
    if signal.shape[0] == 1:
        return signal
    left, right = signal
    return np.stack([left + right, left - right]) * np.float32(0.5)


def _around(channels: Spectra, responses: Spectra) -> Spectra:
    """A sound from anywhere comes back from all around, with its energy: the middle left and right
    through two responses, the side through both exchanged."""
    one, other = responses
    if channels.shape[0] == 1:
        return np.asarray(channels * one)
    middle, side = channels
    return np.stack([middle * one + side * other, middle * other - side * one])


@lru_cache(maxsize=2)
def _response(settings: tuple[float, ...]) -> Signal:
    """Kept where a setting pauses."""
    response = Room(**dict(zip(NAMES, settings, strict=True))).response()
    response.flags.writeable = False
    return response
