"""Rough positions of a recording along a song, from the onsets of notes, however they sound."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, Signal, mel_filters

Curve = npt.NDArray[np.float64]

HOP, N_FFT = 512, 1024
NUM_BANDS = 12
BLOCK = 2048
"""Frames at a time."""
WIDTH = 3.0
"""Frames (35 ms) over which onsets are spread: clocks drift apart by as much within a song."""
APART = round(0.25 * MODEL_RATE / HOP)
"""Frames between two candidates."""
FLOOR = 1e-3
"""Power against the loudest frame's, per band, below which a rise is noise."""


def onsets(read: Callable[[int, int], Signal], num_samples: int) -> Curve:
    """Onset strength in each frame and band, ``[frames, NUM_BANDS]``, mean 0."""
    filters = mel_filters(NUM_BANDS, N_FFT, MODEL_RATE).T
    window = np.hanning(N_FFT).astype(np.float32)
    count = max(1, num_samples // HOP)
    powers = np.empty((count, NUM_BANDS))
    for first in range(0, count, BLOCK):
        frames = min(BLOCK, count - first)
        samples = read(first * HOP, (frames - 1) * HOP + N_FFT)
        view = np.lib.stride_tricks.sliding_window_view(samples, N_FFT, axis=-1)[:, ::HOP]
        spectrum = np.abs(np.fft.rfft(view * window, axis=-1)) ** 2
        powers[first : first + frames] = spectrum.mean(axis=0) @ filters
    levels = np.log(powers / (powers.max(axis=0) + 1e-12) + FLOOR)
    rise = np.maximum(0, np.diff(levels, axis=0, prepend=levels[:1]))
    from scipy.ndimage import gaussian_filter1d

    smooth = gaussian_filter1d(rise, WIDTH, axis=0)
    return np.asarray(smooth - smooth.mean(axis=0))


def candidates(stem: Curve, recording: Curve, count: int = 6) -> list[int]:
    """Delays of the recording against the stem at which most onsets coincide, best first, in
    samples: the stem's sample n lies near the recording's ``n + delay``."""
    from scipy.fft import irfft, next_fast_len, rfft

    size = next_fast_len(len(stem) + len(recording), real=True)
    cross = np.conj(rfft(stem, size, axis=0)) * rfft(recording, size, axis=0)
    curve = irfft(cross.sum(axis=1), size)
    curve = np.concatenate((curve[-len(stem) + 1 :], curve[: len(recording)]))
    found = []
    for _ in range(count):
        best = int(np.argmax(curve))
        if curve[best] <= 0:
            break
        found.append((best - len(stem) + 1) * HOP)
        curve[max(0, best - APART) : best + APART] = 0
    return found
