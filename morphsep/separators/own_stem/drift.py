"""A stem whose clock runs at another speed than the mix's: its offset grows with time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from morphsep.separators.own_stem.alignment import Excerpt, fit

WINDOW = 2**15
"""Samples: short enough that an offset hardly changes within it (at 200 ppm by 7)."""
STRIDE = 2**16
MIN_WINDOWS = 4
FOUND = 10.0
"""Contrast above which a window's offset counts: less than an excerpt's, for a line through many
is asked for too."""
TOLERANCE = 8
"""Samples by which the offsets may lie beside the line, at the median."""
MIN_CHANGE = 3.0
"""Samples that the offset must change by over the track: less is a matter of rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """The line through the offsets of a stem."""

    ppm: float
    """How much faster than the mix the stem runs, in millionths."""
    first: float
    """Samples by which the stem is early at the track's start (negative: late)."""
    last: float
    """The same at its end."""


def drift_of(excerpts: Sequence[Excerpt], num_samples: int, sample_rate: int) -> Drift | None:
    """The drift of a stem of ``num_samples``; None where its offset does not change evenly."""
    from scipy.stats import theilslopes

    offsets = _offsets(excerpts, sample_rate)
    if len(offsets) < MIN_WINDOWS:
        return None
    time, lag = np.array(offsets, np.float64).T
    if np.ptp(time) == 0:
        return None
    slope, intercept, _, _ = theilslopes(lag, time)
    beside = float(np.median(np.abs(lag - intercept - slope * time)))
    if beside > TOLERANCE or abs(slope) * num_samples < max(MIN_CHANGE, 2 * beside):
        return None
    return Drift(
        ppm=float(1e6 * slope),
        first=float(intercept),
        last=float(intercept + slope * num_samples),
    )


def _offsets(excerpts: Sequence[Excerpt], sample_rate: int) -> list[tuple[int, int]]:
    """(middle of a window, its lag), for those that are found."""
    found = []
    for excerpt in excerpts:
        length = excerpt.stem.shape[-1]
        for start in range(0, length - WINDOW + 1, STRIDE):
            window = fit([_cut(excerpt, start)], sample_rate)
            if window.contrast >= FOUND:
                found.append((excerpt.start + start + WINDOW // 2, window.lag))
    return found


def _cut(excerpt: Excerpt, start: int) -> Excerpt:
    around = excerpt.mix.shape[-1] - excerpt.stem.shape[-1]
    return Excerpt(
        start=excerpt.start + start,
        stem=excerpt.stem[:, start : start + WINDOW],
        mix=excerpt.mix[:, start : start + WINDOW + around],
    )
