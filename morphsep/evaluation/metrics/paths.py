"""Readings of a sequence's steps, whatever measures them (CDPAM, Zimtohrli, spectral convergence).

A step is the distance of two neighbours, ``c(x[i], x[i + 1])``, in the measure's own unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from morphsep.evaluation.metrics.floats import Floats


class Smoothness(NamedTuple):
    """Of the steps of a sequence; a small deviation: steps of one size."""

    mean: float
    std: float


def smoothness(steps: Sequence[float]) -> Smoothness:
    """Mean and standard deviation (of the population) of the steps: SoundMorpher
    (arXiv 2410.02144), "CDPAM mean" and "std"."""
    return Smoothness(float(np.mean(steps)), float(np.std(steps)))


def intermediateness(steps: Sequence[float]) -> float:
    """Sum of the steps, the length of the path; lower is more direct. SoundMorpher
    (arXiv 2410.02144), "CDPAM_T"."""
    return float(np.sum(steps))


def directness(steps: Sequence[float], whole: float) -> float:
    """Distance of both ends over the length of the path, 1 where the steps lie on one line; above 1
    where two steps can be shorter than their sum, as Zimtohrli's are. No unit; NaN where nothing
    moves. Our own, of SoundMorpher's two."""
    length = intermediateness(steps)
    return whole / length if length > 0 else float("nan")


def end_error(source: float, target: float) -> float:
    """Mean of how far the rendered ends are from the true ones: SoundMorpher (arXiv 2410.02144),
    "CDPAM_E"."""
    return (source + target) / 2


def largest_step(steps: Sequence[float] | Floats) -> float:
    """Largest step over the mean step, at least 1; NaN where nothing moves. Our own."""
    mean = float(np.mean(steps))
    return float(np.max(steps)) / mean if mean > 0 else float("nan")


def unevenness(steps: Sequence[float]) -> float:
    """Largest step over smallest, at least 1; infinite where a step is none. Our own."""
    smallest = min(steps)
    return max(steps) / smallest if smallest > 0 else float("inf")
