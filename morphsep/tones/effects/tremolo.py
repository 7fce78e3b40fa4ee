"""Tremolo: the loudness swings with an LFO."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from morphsep.signal import Signal
from morphsep.tones.effects import Parameter, Setting, Value, level, number, song_time


class Tremolo:
    """Amplitude modulation; ``spread`` turns the right channel's LFO by that part of a turn."""

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
        spread = number(settings["spread"]) * np.arange(signal.shape[0])[:, None]
        swing = 0.5 - 0.5 * np.cos(2 * np.pi * (turns % 1.0 + spread))
        return np.asarray(signal * (1 - level(settings["depth"]) * swing), np.float32)
