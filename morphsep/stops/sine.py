"""A sine that shows where a drive breaks up: what overtones it gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal, from_db

SIZE = 1 << 15
"""Samples that are looked at; the sine has a whole number of turns in them, so nothing leaks."""
SETTLED = 2 * SIZE
"""Samples before that, for compressors and gates."""
BREAK_UP = 5.0
"""Percent of total harmonic distortion from which a guitar is said to break up."""


@dataclass(frozen=True, kw_only=True)
class Sine:
    """An A (220 Hz) as loud as the guitar."""

    level: float
    """LUFS of the guitar; near 220 Hz a sine's loudness is its RMS in dBFS, less 0.7."""
    hertz: float = 220.0

    @cached_property
    def sound(self) -> Signal:
        """``[1, T]`` at 44.1 kHz."""
        turns = np.arange(SETTLED + SIZE) * self.turns / SIZE
        amplitude = min(np.sqrt(2) * from_db(self.level + 0.7), 1.0)
        sine: Signal = (amplitude * np.sin(2 * np.pi * turns)).astype(np.float32)[None]
        return sine

    def distortion(self, sound: Signal) -> float:
        """Total harmonic distortion of what became of it, ``[C, T]``, in percent: RMS of the
        overtones up to the 20th over that of the fundamental."""
        last = sound[0, SETTLED:].astype(np.float64)
        power = np.abs(np.fft.rfft(last)) ** 2
        overtones = power[2 * self.turns : 20 * self.turns + 1 : self.turns].sum()
        return float(100 * np.sqrt(overtones / max(power[self.turns], 1e-20)))

    @property
    def turns(self) -> int:
        """Of the sine in `SIZE` samples."""
        return round(self.hertz * SIZE / MODEL_RATE)


def break_up(amounts: Sequence[float], harmonics: Sequence[float]) -> float | None:
    """The amount at which the distortion passes `BREAK_UP`, on a straight line between two stops;
    None if it does nowhere, or lies above it from the beginning.

    >>> break_up([0, 0.5, 1], [1, 3, 7])
    0.75
    """
    points = list(zip(amounts, harmonics, strict=True))
    for (a, low), (b, high) in pairwise(points):
        if low < BREAK_UP <= high:
            return a + (b - a) * (BREAK_UP - low) / (high - low)
    return None
