"""What makes a feature fit to turn a knob, each on values ``[F]`` from 0 to 1."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LOW, HIGH = 5.0, 95.0
"""Percentiles of a track that become 0 and 1: single frames beyond do not stretch the scale."""


def scaled(values: Floats, plays: npt.NDArray[np.bool_], least: float) -> Floats:
    """Values from 0 to 1 between percentiles of the frames that play; NaN: the last value before.

    Args:
        least: distance of the percentiles below which the values count as the same: they lie about
            0.5 then, and what is only noise is not stretched to the whole range.
    """
    known = np.isfinite(values)
    if not (known & plays).any():
        return np.full(len(values), 0.5)
    low, high = np.percentile(values[known & plays], (LOW, HIGH))
    middle, width = (low + high) / 2, max(high - low, least)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values)), known.argmax()))
    return np.asarray(np.clip((values[last] - middle) / width + 0.5, 0.0, 1.0))


def ahead(values: Floats, frames: int) -> Floats:
    """The largest of the next frames, as look-ahead limiters take it: rises come earlier, falls as
    they were."""
    from scipy.ndimage import maximum_filter1d

    size = frames + 1
    return np.asarray(maximum_filter1d(values, size, origin=-(size // 2), mode="nearest"))


def smoothed(values: Floats, attack: float, release: float) -> Floats:
    """Follows rises and falls by one pole each (U. Zölzer (ed.), "DAFX: Digital Audio Effects", 2nd
    ed., 2011, section 4.2).

    Args:
        attack: time constant in frames; 0: at once.
        release: the same of falls.
    """
    up, down = (1 - math.exp(-1 / time) if time > 0 else 1.0 for time in (attack, release))

    def next_value(now: float, value: float) -> float:
        return now + (up if value > now else down) * (value - now)

    return _recursive(values, next_value)


def with_hysteresis(values: Floats, width: float) -> Floats:
    """Play, as of a gear: a change of direction moves nothing before it exceeds `width`. The ends 0
    and 1 are still reached."""
    if width == 0:
        return values
    play = width / 2
    moved = _recursive(values, lambda now, value: min(max(now, value - play), value + play))
    return np.clip((moved - play) / (1 - width), 0.0, 1.0)


def slewed(values: Floats, most: float) -> Floats:
    """Changes by no more than `most` from frame to frame."""
    return _recursive(values, lambda now, value: now + min(max(value - now, -most), most))


def _recursive(values: Floats, next_value: Callable[[float, float], float]) -> Floats:
    """Each value from the one made before it; before the first it has been as it is."""
    listed = values.tolist()
    return np.array(list(itertools.accumulate(listed, next_value)))
