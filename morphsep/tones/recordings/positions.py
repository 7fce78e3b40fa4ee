"""Values of a recording at any position, whole or fractional."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from morphsep.dsp import Signal

HALF = 16
"""Samples of the recording on each side that a value is computed from."""
PHASES = 1024
"""Number of kernels; between two of them values are interpolated (error -118 dB)."""
BLOCK = 8192
"""Values at a time: few enough for their 32 weights each to stay in the cache."""


def read_at(
    read: Callable[[int, int], Signal], start: float, step: float, num_samples: int
) -> Signal:
    """Values at ``start + step * i``, ``[C, num_samples]``; step is near 1.

    Whole positions one sample apart are read bit for bit; others with a windowed sinc (J. O. Smith,
    Digital Audio Resampling Home Page, "bandlimited interpolation"). Every value depends on its
    position alone, not on where reading began.
    """
    if step == 1.0 and start == round(start):
        return read(round(start), num_samples)
    blocks = [
        _block(read, start + step * i, step, min(BLOCK, num_samples - i))
        for i in range(0, num_samples, BLOCK)
    ]
    return np.concatenate(blocks, axis=1) if blocks else read(0, 0)


def _block(
    read: Callable[[int, int], Signal], start: float, step: float, num_samples: int
) -> Signal:
    position = start + step * np.arange(num_samples)
    whole = np.floor(position).astype(np.int64)
    first = int(whole[0]) - HALF + 1
    samples = read(first, int(whole[-1]) + HALF + 1 - first)
    phase = (position - whole) * PHASES
    # a position just below a whole one can round up to a whole phase more
    below = np.minimum(phase.astype(np.int64), PHASES - 1)
    share = (phase - below).astype(np.float32)[:, None]
    table = _kernels()
    kernel = table[below] + share * (table[below + 1] - table[below])
    windows = np.lib.stride_tricks.sliding_window_view(samples, 2 * HALF, axis=-1)
    values: Signal = np.einsum("cnk,nk->cn", windows[:, whole - whole[0]], kernel)
    return values


@cache
def _kernels() -> Signal:
    """``[PHASES + 1, 2 * HALF]``; each adds up to 1."""
    offset = np.arange(-HALF + 1, HALF + 1) - np.arange(PHASES + 1)[:, None] / PHASES
    window = np.i0(9.0 * np.sqrt(np.maximum(0, 1 - (offset / HALF) ** 2))) / np.i0(9.0)
    kernels = np.sinc(offset) * window
    return np.asarray(kernels / kernels.sum(axis=1, keepdims=True), np.float32)
