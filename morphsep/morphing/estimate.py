"""What is measured of an estimated stem beside the rest of its mix: how well the two were told
apart, and where the stem holds a guitar at all.

Where the guitar rests, an estimated stem still holds some of the other instruments, and a
distortion lifts them above those in the mix. There the stem is further below the rest than
where a guitar plays, and the change is held back. (A stem's level tells less: below what it is
elsewhere it also is where a separator finds little of a guitar that plays.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from morphsep.dsp import POWER_HOP as HOP
from morphsep.dsp import Signal, band_powers
from morphsep.morphing.change import Read

Floats = npt.NDArray[np.float64]

PLAYED = (100.0, 1000.0)
"""Hz: where guitars have most of their energy, which tells where they play."""
HEARD = (300.0, 3000.0)
"""Hz: where what a stem has in common with its rest says most about the stem
(``jobs/bench/stem_quality.py`` measures how much)."""
SMOOTHED = 35
"""Frames (0.8 s) over which powers are averaged."""
LEAST_RATIO_DB = -13.0
"""Stem over rest below which a passage is no guitar."""
SLOPE = 12.0
"""Decibels by which the change is held back for each that a passage is below that."""
MOST_DB = 40.0
PER_MILLE = 1000
POOR = 0.1
"""Quality below which a word is said: less than that of any stem that was measured, near a copy of
the mix. (Those of `embedded` begin at 0.12; a word about each of them would say nothing.)"""
TINY = 1e-20


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateFacts:
    """What was measured of an estimated stem."""

    quality: float | None
    """1 less the correlation of stem and rest from 300 Hz to 3 kHz, 0 to 1; None for a silent
    stem."""
    shares: Sequence[int]
    """How much of the change is made around each frame, in thousandths."""

    @classmethod
    def of(cls, mix: Read, stem: Read, num_samples: int) -> EstimateFacts:
        """Measures a whole track."""

        def both(start: int, length: int) -> tuple[Signal, Signal]:
            guitar = stem(start, length)
            return guitar, mix(start, length) - guitar

        played, heard = band_powers(both, num_samples, (PLAYED, HEARD))
        return cls(quality=_quality(heard), shares=_shares(played).tolist())

    def share(self, start: int, num_samples: int) -> Signal:
        """How much of the change is made, ``[n]`` in [0, 1]."""
        first = max(start // HOP, 0)
        near = self.shares[first : (start + num_samples) // HOP + 2] or self.shares[-1:]
        where = (first + np.arange(len(near))) * HOP
        shares = np.interp(np.arange(start, start + num_samples), where, near)
        return np.asarray(shares / PER_MILLE, np.float32)

    def holding(self, num_samples: int) -> EstimateFacts:
        """The same for tones that ring on for so long: what is changed at all rings out in a rest,
        and is not held back there."""
        frames = num_samples // HOP
        if frames == 0:
            return self
        before = np.pad(np.asarray(self.shares, np.int64), (frames, 0))
        held = np.lib.stride_tricks.sliding_window_view(before, frames + 1).max(axis=1)
        return replace(self, shares=held.tolist())

    def too_poor(self, least: float | None) -> str | None:
        """Why a song is left out that wants a stem of at least this quality; None: it is not."""
        if least is None or self.quality is None or self.quality >= least:
            return None
        return (
            f"the separated guitar has a stem quality of {self.quality:.2f}, less than "
            f"--min-stem-quality {least:g}; use another --separator, or a --stem of your own"
        )

    @property
    def warning(self) -> str | None:
        """A sentence, if the stem is so poor that it hardly differs from the whole mix."""
        if self.quality is None or self.quality >= POOR:
            return None
        return (
            f"the separated guitar has a stem quality of {self.quality:.2f}: much of it belongs to "
            "other instruments, which are changed with it"
        )


def _shares(powers: Floats) -> npt.NDArray[np.int64]:
    """How much of the change is made, in thousandths, ``[frames]``."""
    stem, rest = (10 * np.log10(_smoothed(power) + TINY) for power in powers[:2])
    over = stem - rest - LEAST_RATIO_DB
    gains = 10 ** (np.clip(SLOPE * over, -MOST_DB, 0.0) / 20)
    return np.asarray(np.rint(gains * PER_MILLE), np.int64)


def _smoothed(power: Floats) -> Floats:
    from scipy.ndimage import uniform_filter1d

    return np.asarray(np.maximum(uniform_filter1d(power, SMOOTHED, mode="nearest"), 0.0))


def _quality(powers: Floats) -> float | None:
    stem, rest, product = powers.sum(axis=1)
    if stem == 0:
        return None
    correlation = product / np.sqrt(stem * rest) if rest > 0 else 0.0
    return float(1 - np.clip(correlation, 0.0, 1.0))
