"""A sine that shows where a drive breaks up: what overtones it gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

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
        """Total harmonic distortion of what became of it, ``[C, T]``, in percent."""
        last = sound[0, SETTLED:].astype(np.float64)
        return harmonic_distortion(np.abs(np.fft.rfft(last)) ** 2, self.turns)

    @property
    def turns(self) -> int:
        """Of the sine in `SIZE` samples."""
        return round(self.hertz * SIZE / MODEL_RATE)


def harmonic_distortion(power: npt.NDArray[np.float64], turns: int) -> float:
    """Total harmonic distortion of a sine in percent: RMS of the overtones up to the 20th over that
    of the fundamental.

    Args:
        power: of each bin, ``[bins]``.
        turns: the fundamental's bin.
    """
    overtones = power[2 * turns : 20 * turns + 1 : turns].sum()
    return float(100 * np.sqrt(overtones / max(power[turns], 1e-20)))


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakUp:
    """Where a way between two tones is distorted."""

    kind: Literal["never", "from", "until", "always"]
    amount: float | None = None
    """From which, or until which, it is."""

    def __str__(self) -> str:
        """As it follows "the sound ..."."""
        return {
            "never": "does not break up",
            "from": f"breaks up at {self.amount:.2f}" if self.amount is not None else "",
            "until": f"is broken up until {self.amount:.2f}" if self.amount is not None else "",
            "always": "is broken up from the beginning",
        }[self.kind]


def break_up(amounts: Sequence[float], harmonics: Sequence[float]) -> BreakUp:
    """Where the distortion first passes `BREAK_UP`, on a straight line between two stops.

    >>> break_up([0, 0.5, 1], [1, 3, 7])
    BreakUp(kind='from', amount=0.75)
    >>> break_up([0, 1], [20, 10])
    BreakUp(kind='always', amount=None)
    """
    begins_above = harmonics[0] >= BREAK_UP
    for (a, here), (b, after) in pairwise(zip(amounts, harmonics, strict=True)):
        if (after >= BREAK_UP) != begins_above:
            amount = a + (b - a) * (BREAK_UP - here) / (after - here)
            return BreakUp(kind="until" if begins_above else "from", amount=amount)
    return BreakUp(kind="always" if begins_above else "never")
