"""How strongly notes begin over time, whatever their sound."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Reader, Seconds, power
from morphsep.restoration.frames import decibels, spectra
from morphsep.restoration.noise_floor import frame_size

Floats = npt.NDArray[np.float64]

OCTAVES = (100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0)
"""Hz: edges of the bands in which levels rise."""
RANGE_DB = 40.0
"""Rises that far below the loudest moment of a band do not count."""
WIDTH: Seconds = 0.006
"""Over which rises are spread (standard deviation)."""
NEIGHBOURHOOD: Seconds = 0.06
"""An onset is the strongest within so much on either side."""
TOGETHER: Seconds = 0.05
"""Two onsets so near are the same note's."""
CLEAR, SLIGHT = 0.6, 0.15
"""Strengths against the strongest tenth of the peaks: an onset that must be met, and one that is
enough to meet it."""


def curve(recording: Reader) -> tuple[Floats, float]:
    """Onset strength, and the seconds between its values (about 3 ms): 0.3 MB a minute."""
    rate = recording.info.sample_rate
    size = frame_size(rate) // 2
    hop = size // 8
    edges = np.unique([max(1, round(hz * size / rate)) for hz in OCTAVES if hz < rate / 2])
    powers = np.concatenate([
        np.add.reduceat(power(block)[:, : edges[-1]], edges[:-1], axis=1)
        for block in spectra(recording, size, hop)
    ])  # fmt: skip
    from scipy.ndimage import gaussian_filter1d

    levels = decibels(powers)
    levels = np.maximum(levels, levels.max(axis=0, keepdims=True) - RANGE_DB)
    smooth = gaussian_filter1d(levels, WIDTH * rate / hop, axis=0, mode="nearest")
    rises = np.maximum(np.diff(smooth, axis=0, prepend=smooth[:1]), 0).sum(axis=1)
    return np.asarray(rises), hop / rate


def matching(before: Floats, after: Floats, step: Seconds) -> float:
    """F1 of the onsets of two curves: those that are clear in one must be there in the other."""
    peaks = [_peaks(each, step) for each in (before, after)]
    shares = [_met(peaks[0], peaks[1], step), _met(peaks[1], peaks[0], step)]
    return float(2 * shares[0] * shares[1] / max(sum(shares), 1e-9))


def delay(before: Floats, after: Floats, step: Seconds, most: Seconds) -> float:
    """Seconds by which the second curve is late, to a fraction of a step; 0 where nothing
    begins."""
    reach = round(most / step)
    a, b = before - before.mean(), np.pad(after - after.mean(), reach)
    both = np.correlate(b, a, "valid")
    top = int(np.argmax(both))
    if not both[top] > 0 or not 0 < top < len(both) - 1:
        return 0.0
    left, middle, right = both[top - 1 : top + 2]
    curve_ = left - 2 * middle + right
    between = 0.5 * (left - right) / curve_ if curve_ < 0 else 0.0
    return float((top + between - reach) * step)


def _peaks(strength: Floats, step: Seconds) -> tuple[npt.NDArray[np.int64], Floats]:
    """Where onsets are, and how strong against the strongest tenth."""
    from scipy.ndimage import maximum_filter1d

    highest = maximum_filter1d(strength, 2 * round(NEIGHBOURHOOD / step) + 1)
    places = np.flatnonzero((strength == highest) & (strength > 0))
    strong = np.quantile(strength[places], 0.9) if places.size else 1.0
    return places, strength[places] / max(float(strong), 1e-9)


def _met(
    wanted: tuple[npt.NDArray[np.int64], Floats],
    there: tuple[npt.NDArray[np.int64], Floats],
    step: Seconds,
) -> float:
    """Share of one sound's clear onsets that the other has as well; 1 if there are none."""
    places = wanted[0][wanted[1] >= CLEAR]
    others = there[0][there[1] >= SLIGHT]
    if not places.size:
        return 1.0
    if not others.size:
        return 0.0
    apart = np.abs(places[:, None] - others).min(axis=1)
    return float(np.mean(apart <= TOGETHER / step))
