"""What is added to a mix in the end, where the stem is an estimate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from morphsep.dsp import SILENT, Signal
from morphsep.morphing.recipe import Recipe

Read = Callable[[int, int], Signal]
"""``read(start, n)`` -> ``[C, n]`` at 44.1 kHz, zeros outside the track."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A delta with a gain on the morphed guitar in it, held back where there is no guitar."""

    recipe: Recipe
    stem: Read
    delta: Read
    share: Callable[[int, int], Signal] | None = None
    """How much of it is made, ``share(start, n)`` -> ``[n]`` in [0, 1]; None: all of it."""
    gain_db: float = 0.0
    """At the largest amount that is asked for."""

    def read(self, start: int, num_samples: int) -> Signal:
        """``[C, n]`` at 44.1 kHz."""
        delta = self.delta(start, num_samples)
        if self.gain_db != 0.0:
            curve = self.curve(start, num_samples)
            more = np.float32(10) ** (np.float32(self.gain_db / 20) * curve) - np.float32(1)
            stem = self.stem(start, num_samples)
            # nothing that is silent is changed: a chunk that is, was not morphed
            stem = np.where(np.abs(stem) < SILENT, np.float32(0), stem)
            delta = delta + more * (stem + delta)
        return delta if self.share is None else delta * self.share(start, num_samples)

    def parts(self, start: int, num_samples: int) -> tuple[Signal, Signal]:
        """What is taken out of the mix, and what comes in before the gain, ``[C, n]`` each."""
        stem = self.stem(start, num_samples)
        into = stem + self.delta(start, num_samples)
        if self.share is None:
            return stem, into
        share = self.share(start, num_samples)
        return stem * share, into * share

    def curve(self, start: int, num_samples: int) -> Signal:
        """How much of the gain there is, in dB of its dB, ``[n]``: from a guitar as it was recorded
        it grows with the amount, so that an amount of 0 leaves the mix untouched."""
        if not self.recipe.from_recorded:
            return np.ones(num_samples, np.float32)
        curve = self.recipe.curve
        return curve.at(start, num_samples) / np.float32(curve.largest)
