"""Overlap-add of frames whose parts were moved, as loud as the frames are.

Where partials lie close to each other, in chords, the phases of moved parts do not continue exactly
from frame to frame, and overlapped frames cancel in part: by 1 dB. What is lost is known: frames
that continue each other add up as amplitudes.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from morphsep.dsp import FrameGrid, Signal

Reals = npt.NDArray[np.float64]

MEAN = 8
"""Hops over which powers are averaged: some periods of a low note."""
CHANCE_DB = (0.1, 0.3)
"""Loss that begins to be made good, and is in full: frames of a sound that was not moved show up
to 0.15 dB, as it is not the same throughout a hop."""
MOST_DB = 3.0
TINY = 1e-20


class Overlap:
    """Adds frames up, and makes good what they lose by it."""

    def __init__(self, grid: FrameGrid, num_channels: int) -> None:
        self.grid = grid
        self.sum = np.zeros((num_channels, grid.length), np.float32)
        self.amplitudes = np.zeros(grid.length // grid.hop)
        """What each hop's frames add up to if they continue each other: the sum of their RMS."""

    def add(self, frames: Signal, block: slice) -> None:
        """Frames ``[F, C, n_fft]`` of a block; they are overwritten."""
        self.grid.overlap_add(self.sum, frames, block)
        count, channels, _ = frames.shape
        hops = frames.reshape(count, channels, -1, self.grid.hop)
        rms = np.sqrt(np.einsum("fcht,fcht->fh", hops, hops, dtype=np.float64) / self.grid.hop)
        for i in range(rms.shape[1]):
            self.amplitudes[block.start + i : block.stop + i] += rms[:, i]

    def finished(self) -> Signal:
        """The passage, ``[C, num_samples]``. A hop's gain depends on it and the ``MEAN`` before."""
        hops = self.sum.reshape(self.sum.shape[0], -1, self.grid.hop)
        there = np.einsum("cht,cht->h", hops, hops, dtype=np.float64) / self.grid.hop
        expected = self.amplitudes**2 * _coherent(self.grid.n_fft, self.grid.hop)
        lost_db = 10 * np.log10((_summed(expected) + TINY) / (_summed(there) + TINY))
        low, high = CHANCE_DB
        gain_db = lost_db * np.clip((lost_db - low) / (high - low), 0, 1)
        gains = 10 ** (np.clip(gain_db, 0, MOST_DB) / 20)
        ends = np.arange(1, gains.size + 1) * self.grid.hop
        curve = np.interp(np.arange(self.grid.length), ends, gains)
        return self.grid.crop(self.sum * curve.astype(np.float32))


def _summed(powers: Reals) -> Reals:
    """Sum of each value and the ``MEAN - 1`` before it."""
    padded = np.concatenate((np.zeros(MEAN - 1), powers))
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, MEAN).sum(axis=1))


@lru_cache(maxsize=4)
def _coherent(n_fft: int, hop: int) -> float:
    """Power of a steady sound against the squared sum of its frames' RMS in a hop: less than 1, as
    the windows rise and fall within it."""
    grid = FrameGrid(start=0, num_samples=8 * n_fft, n_fft=n_fft, hop=hop)
    frame = np.ones((1, 1, n_fft), np.float32)
    frame *= np.hanning(n_fft + 1)[:-1].astype(np.float32)
    grid.overlap_add(np.zeros((1, grid.length), np.float32), frame, slice(0, 1))
    return float(
        1 / np.sqrt((frame.reshape(-1, hop).astype(np.float64) ** 2).mean(axis=1)).sum() ** 2
    )
