"""The steady noise of a recording: its spectrum, from what sounds in the quietest moments."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Reader, Seconds, hann, power, sections

Floats = npt.NDArray[np.float64]

FRAME: Seconds = 0.046
TOGETHER = 8
"""Frames, half overlapping, whose mean power is one level: 0.2 s."""
QUIETEST = 0.1
OF_NOISE_DB = -2.0
"""That quantile of such levels in noise that is there all the time, against its mean power."""
STEADY_DB = 3.5
"""Between that quantile and the median: noise, not music."""
HIGHEST_DB = 6.0
"""Above the steady bins nothing counts as noise: music that never rests is no noise."""
OCTAVES = 0.25
"""A noise's spectrum is smooth: partials that never stop are left out by the median over this."""
LOWEST_DB, CLASSES = -180, 240
"""Levels are counted in classes of 1 dB, so that any length takes the same memory."""
BLOCK = 64
"""Levels at a time."""


def frame_size(sample_rate: int) -> int:
    """Samples of a frame: a power of two.

    >>> frame_size(44_100), frame_size(96_000), frame_size(8_000)
    (2048, 4096, 512)
    """
    return int(2 ** round(np.log2(FRAME * sample_rate)))


def noise_floor(recording: Reader) -> Floats:
    """Mean power of the noise in each bin of a frame with a Hann window, ``[frame // 2 + 1]``;
    mean of the channels. All zero for digital silence."""
    size = frame_size(recording.info.sample_rate)
    counts = np.zeros((CLASSES, size // 2 + 1), np.int64)
    bins = np.arange(size // 2 + 1)
    for levels in _levels(recording, size):
        for level in levels:
            counts[np.clip(level - LOWEST_DB, 0, CLASSES - 1).astype(int), bins] += 1
    if not counts.any():
        return np.zeros(len(bins))
    quietest, middle = (_quantile(counts, quantile) for quantile in (QUIETEST, 0.5))
    levels = _smooth(quietest)
    steady = middle - quietest <= STEADY_DB
    usual = np.median(levels[steady]) if steady.any() else levels.min()
    return np.asarray(10 ** ((np.minimum(levels, usual + HIGHEST_DB) - OF_NOISE_DB) / 10))


def _quantile(counts: npt.NDArray[np.int64], quantile: float) -> Floats:
    """Of each bin's levels, dB."""
    reached = np.cumsum(counts, axis=0) >= quantile * counts.sum(axis=0)
    return np.asarray(np.argmax(reached, axis=0) + LOWEST_DB + 0.5)


def _levels(recording: Reader, size: int) -> Iterator[Floats]:
    """Levels in dB of `TOGETHER` frames each, ``[n, bins]``, except for digital silence."""
    from scipy.fft import rfft

    hop, length = size // 2, (TOGETHER + 1) * size // 2
    for span in sections(recording.info.num_samples // length, BLOCK):
        sound = recording.read(span.start * length, span.num_samples * length)
        pieces = sound.reshape(len(sound), span.num_samples, length)
        pieces = pieces[:, (pieces != 0).any(axis=(0, 2))]
        frames = np.lib.stride_tricks.sliding_window_view(pieces, size, axis=-1)[:, :, ::hop]
        mean = power(rfft(frames * hann(size), axis=-1)).mean(axis=(0, 2), dtype=np.float64)
        yield 10 * np.log10(mean + 1e-18)


def _smooth(levels: Floats) -> Floats:
    """The median over `OCTAVES` around each bin, and at least over three bins."""
    bins = np.arange(len(levels))
    half = 2 ** (OCTAVES / 2)
    low = np.minimum(np.floor(bins / half), bins - 1).clip(0).astype(int)
    high = np.maximum(np.ceil(bins * half), bins + 1).clip(max=len(bins) - 1).astype(int)
    return np.array([np.median(levels[a : b + 1]) for a, b in zip(low, high, strict=True)])
