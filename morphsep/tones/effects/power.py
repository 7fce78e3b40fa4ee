"""Power of a signal over a few milliseconds, on a grid that starts at the song's sample 0."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from morphsep.signal import Signal

Powers = npt.NDArray[np.float64]

CELL = 64
"""Samples between two values."""


def smoothed_power(signal: Signal, start: int, reach: int) -> tuple[Powers, npt.NDArray[np.int64]]:
    """Mean square of all channels of ``[C, T]``, a Hann-weighted mean over ``reach`` cells to
    either side.

    Returns:
        Values at the cells' centres, one more to either side of the passage than it needs, and
        those centres in samples from ``signal[:, 0]``.
    """
    first = (start - CELL // 2) // CELL
    last = (start + signal.shape[-1] + CELL // 2) // CELL + 1
    origin = first * CELL - start
    padding = (-origin, (last + 1) * CELL - start - signal.shape[-1])
    square = np.square(signal).mean(axis=0) if signal.shape[0] > 1 else np.square(signal[0])
    cells = np.pad(square, padding).reshape(-1, CELL).mean(axis=1, dtype=np.float64)
    window = np.hanning(2 * reach + 3)[1:-1]
    smooth = np.convolve(cells, window / window.sum())[reach : reach + cells.size]
    return np.maximum(smooth, 0), origin + CELL // 2 + CELL * np.arange(cells.size)
