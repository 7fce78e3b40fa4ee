"""The last samples of a signal that comes in blocks."""

from __future__ import annotations

import numpy as np

from morphsep.dsp.signal import Signal

LONGEST = 1024
"""Samples of the longest block."""
ROOM = 8 * LONGEST
"""Samples that are written before what is kept moves back to the beginning."""


class Trail:
    """Remembers the last samples, as many as are asked for; silence before the first block."""

    def __init__(self, channels: int, kept: int) -> None:
        self._kept = kept
        self._end = kept
        self._samples = np.zeros((channels, kept + ROOM), np.float32)

    def fill(self, value: float) -> None:
        """Makes what is remembered so far constant."""
        self._samples[:, : self._end] = value

    def add(self, block: Signal) -> Signal:
        """What is remembered with a block ``[C, n]`` of at most `LONGEST` samples behind it,
        ``[C, kept + n]``: a view, until the next block."""
        size = block.shape[1]
        if self._end + size > self._samples.shape[1]:
            self._samples[:, : self._kept] = self._samples[:, self._end - self._kept : self._end]
            self._end = self._kept
        self._samples[:, self._end : self._end + size] = block
        self._end += size
        return self._samples[:, self._end - size - self._kept : self._end]
