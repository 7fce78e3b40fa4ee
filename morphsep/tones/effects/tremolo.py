"""Tremolo: the loudness swings with an LFO."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from morphsep.dsp import Signal
from morphsep.tones.effects.effect import Parameter, Setting, Value, level, number, song_time


class Tremolo:
    """Amplitude modulation; ``spread`` is the part of a turn by which the right channel's LFO is
    ahead."""

    parameters: Mapping[str, Parameter] = MappingProxyType(
        {
            "rate_hz": Parameter(default=5.0, low=0.05, high=20),
            "depth": Parameter(default=0.6, low=0, high=1, scale="linear", neutral=0.0),
            "spread": Parameter(default=0.0, low=0, high=1),
        }
    )
    rank = 5
    exact_when_neutral = True

    def context(self, settings: Mapping[str, Setting]) -> tuple[int, int]:
        return 0, 0

    def process(self, signal: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        turns = song_time(start, signal.shape[-1]) * number(settings["rate_hz"])
        phase = ((turns - np.floor(turns)) * (2 * np.pi)).astype(np.float32)
        half = np.asarray(level(settings["depth"]), np.float32) * np.float32(0.5)
        spread = number(settings["spread"]) * 2 * np.pi
        offsets = np.arange(signal.shape[0] if spread else 1) * spread
        swing = np.cos(phase + offsets[:, None].astype(np.float32))
        return np.asarray(signal * (1 - half + half * swing), np.float32)
