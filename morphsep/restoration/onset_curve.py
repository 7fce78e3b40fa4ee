"""How strongly notes begin over time, whatever their sound."""

from __future__ import annotations

from collections.abc import Iterator

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
    """Onset strength, and the seconds between its values (about 3 ms): 0.2 MB a minute."""
    from scipy.ndimage import gaussian_filter1d

    rate = recording.info.sample_rate
    size = frame_size(rate) // 2
    hop = size // 8
    width = WIDTH * rate / hop
    margin = round(4 * width) + 1
    loudest = np.max([powers.max(axis=0) for powers in _powers(recording, size, hop)], axis=0)
    least = decibels(loudest) - RANGE_DB
    parts, kept = list[Floats](), np.zeros((0, len(least)))
    for levels in _with_end(_powers(recording, size, hop), margin):
        seen = np.concatenate([kept, np.maximum(decibels(levels), least)])
        if not len(kept):
            seen = np.pad(seen, ((margin, 0), (0, 0)), mode="edge")
        rises = np.diff(gaussian_filter1d(seen, width, axis=0, mode="nearest"), axis=0)
        parts.append(np.maximum(rises[margin - 1 : len(seen) - margin - 1], 0).sum(axis=1))
        kept = seen[-2 * margin :]
    return np.concatenate(parts), hop / rate


def _powers(recording: Reader, size: int, hop: int) -> Iterator[Floats]:
    """In the bands between `OCTAVES`, ``[n, bands]``, one block after the other."""
    rate = recording.info.sample_rate
    edges = np.unique([max(1, round(hz * size / rate)) for hz in OCTAVES if hz < rate / 2])
    for block in spectra(recording, size, hop):
        bins = power(block)[:, : edges[-1]].astype(np.float64)
        yield np.asarray(np.add.reduceat(bins, edges[:-1], axis=1))


def _with_end(blocks: Iterator[Floats], margin: int) -> Iterator[Floats]:
    """The blocks, and then the last value so often."""
    last = np.zeros((1, 0))
    for block in blocks:
        yield block
        last = block[-1:]
    yield np.repeat(last, margin, axis=0)


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
    later = np.searchsorted(others, places).clip(max=others.size - 1)
    apart = [np.abs(others[near] - places) for near in (later, np.maximum(later - 1, 0))]
    return float(np.mean(np.minimum(*apart) <= TOGETHER / step))
