"""Short-time Fourier transform on a frame grid that is fixed to the song's sample 0.

Frame ``k`` covers the song's samples ``[k * hop, k * hop + n_fft)`` whichever passage it is
computed from, so that two overlapping passages compute the same frames where both have all of its
samples. Frames are processed in blocks of a fixed size, also counted from the song's frame 0: they
stay in the cache, and sums are taken in the same order however the song was cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from morphsep.dsp.signal import Signal

Spectrum = npt.NDArray[np.complex64]
"""Frames of one block, ``[F, C, n_fft // 2 + 1]``."""

BLOCK = 32
"""Frames in one block: enough that the calls into numpy themselves cost little (8 frames are 1.4
times as slow), few enough to stay in the cores' caches and to keep memory flat."""


@lru_cache(maxsize=8)
def hann(n_fft: int) -> Signal:
    """Periodic Hann window, ``[n_fft]``."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    return window.astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameGrid:
    """The frames that touch a passage of ``num_samples`` samples beginning at ``start``.

    Hann window on both sides, so ``n_fft`` must be a multiple of ``4 * hop`` or more.
    """

    start: int
    num_samples: int
    n_fft: int
    hop: int

    @property
    def first(self) -> int:
        """Song's index of the first frame."""
        return (self.start - self.n_fft) // self.hop + 1

    @property
    def count(self) -> int:
        """Number of frames."""
        return (self.start + self.num_samples - 1) // self.hop - self.first + 1

    @property
    def offset(self) -> int:
        """Samples from the first frame's first sample to ``start``."""
        return self.start - self.first * self.hop

    @property
    def length(self) -> int:
        """Samples from the first frame's first sample to the last frame's last."""
        return (self.count - 1) * self.hop + self.n_fft

    def pad(self, x: Signal) -> Signal:
        """``[C, num_samples]`` as ``[C, length]``: zeros outside the passage."""
        padded = np.zeros((x.shape[0], self.length), np.float32)
        padded[:, self.offset : self.offset + self.num_samples] = x
        return padded

    def blocks(self) -> Iterator[slice]:
        """Frames of this grid, in blocks that end at the song's multiples of ``BLOCK``."""
        at = 0
        while at < self.count:
            stop = min(at + BLOCK - (self.first + at) % BLOCK, self.count)
            yield slice(at, stop)
            at = stop

    def averages(self, curve: Signal) -> Signal:
        """A curve ``[num_samples]`` seen by each frame, ``[count]``: its mean under the window."""
        before, after = self.offset, self.length - self.offset - self.num_samples
        padded = np.pad(curve, (before, after), mode="edge")
        power = hann(self.n_fft) ** 2
        averages: Signal = self.frames(padded[None])[:, 0] @ (power / power.sum())
        return averages

    def analyse(self, padded: Signal, block: slice) -> Spectrum:
        """Spectra of a block of frames of ``[C, length]``."""
        from scipy.fft import rfft

        frames = self.frames(padded)[block] * hann(self.n_fft)
        spectrum: Spectrum = rfft(frames, axis=-1, overwrite_x=True)
        return spectrum

    def add(self, padded: Signal, spectrum: Spectrum, block: slice) -> None:
        """Overlap-add a block of spectra into ``padded`` ``[C, length]``, in place."""
        from scipy.fft import irfft

        self.overlap_add(padded, irfft(spectrum, n=self.n_fft, axis=-1, overwrite_x=True), block)

    def overlap_add(self, padded: Signal, frames: Signal, block: slice) -> None:
        """Overlap-add a block of frames ``[F, C, n_fft]`` in place; the frames are overwritten."""
        frames *= hann(self.n_fft) * np.float32(self.hop / (0.375 * self.n_fft))
        hops = frames.reshape(*frames.shape[:2], -1, self.hop).transpose(2, 1, 0, 3)
        lanes = padded.reshape(padded.shape[0], -1, self.hop)
        for i, lane in enumerate(hops):
            lanes[:, block.start + i : block.stop + i] += lane

    def crop(self, padded: Signal) -> Signal:
        """``[C, length]`` cut back to the passage, ``[C, num_samples]``."""
        return np.ascontiguousarray(padded[:, self.offset : self.offset + self.num_samples])

    def frames(self, padded: Signal) -> Signal:
        """All frames of ``[C, length]`` without their window, as a view ``[count, C, n_fft]``."""
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.n_fft, axis=-1)
        return windows[:, :: self.hop].transpose(1, 0, 2)


def power(spectrum: Spectrum) -> Signal:
    """``|X|^2`` without a square root."""
    result: Signal = np.square(spectrum.real)
    result += np.square(spectrum.imag)
    return result
