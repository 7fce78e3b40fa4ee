"""The pitch of each frame, by the normalised square difference function: P. McLeod and G. Wyvill,
"A smarter way to find pitch", Proc. ICMC 2005."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, Signal

Floats = npt.NDArray[np.float64]

LOWEST, HIGHEST = 60.0, 1400.0
"""Hz: a guitar from a low B tuning to its highest fret."""
FIRST = 0.9
"""Of the largest maximum: the first maximum above that is the period (McLeod's k)."""
CLEAR = 0.8
"""Least value of that maximum; chords, noise and silence have less."""
STEADY = 5
"""Frames (50 ms) in a row that are within a semitone where there is a note."""
TINY = 1e-12


def pitches(frames: Signal) -> Floats:
    """Semitones over 1 Hz of frames ``[F, C, N]``, ``[F]``; NaN where there is no clear pitch."""
    longest = int(MODEL_RATE / LOWEST)
    shape = _likeness(frames, longest + 1)
    inner = shape[:, 1:-1]
    peaks = (inner > shape[:, :-2]) & (inner >= shape[:, 2:]) & (inner > 0)
    peaks[:, : int(MODEL_RATE / HIGHEST) - 1] = False
    best = np.where(peaks, inner, 0.0).max(axis=1)
    first = (peaks & (inner >= FIRST * best[:, None])).argmax(axis=1) + 1
    period = first + _vertex(shape, first)
    return np.where(best >= CLEAR, 12 * np.log2(MODEL_RATE / period), np.nan)


def steady(pitch: Floats) -> Floats:
    """Pitches ``[F]`` without those that do not last: errors of an octave, noise."""
    around = np.pad(pitch, STEADY // 2, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(around, STEADY, axis=0)
    apart = windows.max(axis=1) - windows.min(axis=1)  # NaN where one of them is
    return np.where(apart <= 1.0, pitch, np.nan)


def _likeness(frames: Signal, longest: int) -> Floats:
    """How much frames are like themselves some samples later, ``[F, longest + 1]`` in [-1, 1]."""
    from scipy.fft import irfft, next_fast_len, rfft

    sound = frames.astype(np.float64)
    size = next_fast_len(sound.shape[-1] + longest, real=True)
    spectrum = rfft(sound, size, axis=-1)
    power = (spectrum.real**2 + spectrum.imag**2).sum(axis=1)
    same = irfft(power, size, axis=-1)[:, : longest + 1]
    # energy of the first and of the last samples, which is what overlaps after a lag
    energy = np.pad(np.cumsum(np.square(sound).sum(axis=1), axis=1), ((0, 0), (1, 0)))
    lags = np.arange(longest + 1)
    both = energy[:, energy.shape[1] - 1 - lags] + energy[:, -1:] - energy[:, lags]
    return np.asarray(2 * same / (both + TINY))


def _vertex(shape: Floats, at: npt.NDArray[np.intp]) -> Floats:
    """Where between samples a maximum lies, from it: the vertex of the parabola through three."""
    rows = np.arange(len(shape))
    left, middle, right = (shape[rows, at + step] for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    offset = 0.5 * (left - right) / np.where(bend < 0, bend, -1.0)
    return np.asarray(np.clip(offset, -0.5, 0.5))
