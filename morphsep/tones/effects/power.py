"""Power of a signal over a few milliseconds, on a grid that starts at the song's sample 0."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Signal, compiled
from morphsep.tones.effects.frames import straight

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
    cells = np.zeros(last + 1 - first)
    _energies(signal, -origin, cells)
    cells /= CELL * signal.shape[0]
    window = np.hanning(2 * reach + 3)[1:-1]
    smooth = np.convolve(cells, window / window.sum())[reach : reach + cells.size]
    return np.maximum(smooth, 0), origin + CELL // 2 + CELL * np.arange(cells.size)


def per_sample(values: Signal, centres: npt.NDArray[np.int64], length: int) -> Signal:
    """Values at the cells' centres, as `smoothed_power` gives both, in straight lines: ``[T]``."""
    return straight(values, CELL)[-int(centres[0]) :][:length]


@compiled
def _energies(signal: Signal, before: int, cells: Powers) -> None:
    """Adds up the squares of each cell; the signal starts ``before`` samples into the first."""
    for row in signal:
        for k in range(cells.size):
            total = 0.0
            for i in range(max(k * CELL - before, 0), min((k + 1) * CELL - before, row.size)):
                total += row[i] * row[i]
            cells[k] += total
