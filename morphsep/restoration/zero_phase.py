"""Long filters without delay, on blocks of a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Signal
from morphsep.restoration.blocks import BlockGrid

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ZeroPhase:
    """A symmetrical response ``[2 * reach + 1]`` whose middle is the present."""

    spectrum: npt.NDArray[np.complex128]
    size: int
    grid: BlockGrid

    @classmethod
    def of(cls, response: Floats, block: int) -> ZeroPhase:
        """For blocks of so many samples."""
        from scipy.fft import next_fast_len, rfft

        grid = BlockGrid(size=block, reach=response.size // 2)
        size = next_fast_len(block + 2 * grid.reach, real=True)
        return cls(spectrum=rfft(response, size), size=size, grid=grid)

    def block(self, seen: Signal) -> Signal:
        """``[C, reach + block + reach] -> [C, block]``."""
        from scipy.fft import irfft, rfft

        reach = self.grid.reach
        if not seen.any():
            return np.zeros((seen.shape[0], self.grid.size), np.float32)
        whole = irfft(rfft(seen.astype(np.float64), self.size) * self.spectrum, self.size)
        return np.asarray(whole[:, 2 * reach : seen.shape[1]], np.float32)

    def apply(self, block: Signal, start: int) -> Signal:
        """See `BlockGrid.apply`."""
        return self.grid.apply(block, start, self.block)


def kaiser_taps(edge_hz: float, depth_db: float, sample_rate: int) -> int:
    """Samples on each side of a filter whose edges are so steep and so deep (Kaiser's formula)."""
    return int(np.ceil((depth_db - 7.95) / (14.36 * edge_hz) * sample_rate / 2))


def kaiser_window(taps: int, depth_db: float) -> Floats:
    """``[2 * taps + 1]``."""
    from scipy.signal.windows import kaiser

    return np.asarray(kaiser(2 * taps + 1, 0.1102 * (depth_db - 8.7)))
