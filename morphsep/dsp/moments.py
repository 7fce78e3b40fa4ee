"""Mean and standard deviation of a signal that never has to be in memory."""

from __future__ import annotations

import math

import numpy as np

from morphsep.dsp.signal import Signal


class Moments:
    """Mean and standard deviation of the mono sum of all blocks added, by pairwise update (Chan et
    al., 1979). Their last bits depend on where blocks end."""

    def __init__(self) -> None:
        self.count = 0
        """Samples so far."""
        self.mean = 0.0
        self._squares = 0.0

    def add(self, block: Signal) -> None:
        """The next samples, ``[C, n]``, n >= 1."""
        mono = block.mean(axis=0, dtype=np.float64)
        n, mean = mono.size, float(mono.mean())
        total = self.count + n
        apart = mean - self.mean
        self._squares += float(np.sum((mono - mean) ** 2)) + apart**2 * self.count * n / total
        self.mean += apart * n / total
        self.count = total

    @property
    def std(self) -> float:
        """Unbiased; 0 for less than two samples."""
        return math.sqrt(self._squares / (self.count - 1)) if self.count > 1 else 0.0
