"""The power of sounds in bands over time, and how much two of them have in common there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from morphsep.dsp.grid import sections
from morphsep.dsp.signal import MODEL_RATE, Signal
from morphsep.dsp.stft import hann

FRAME, POWER_HOP = 2048, 1024
"""Samples: 46 ms, every 23 ms."""
BLOCK = 256
"""Frames at a time: 6 s."""

ReadBoth = Callable[[int, int], tuple[Signal, Signal]]
Band = tuple[float, float]
Floats = npt.NDArray[np.float64]


def num_frames(num_samples: int) -> int:
    """Frames of a sound; frame ``k`` lies around its sample ``k * POWER_HOP``.

    >>> num_frames(1), num_frames(1024), num_frames(1025)
    (2, 2, 3)
    """
    return -(-num_samples // POWER_HOP) + 1


def band_powers(read: ReadBoth, num_samples: int, bands: Sequence[Band]) -> Floats:
    """Of two sounds ``[C, T]`` at 44.1 kHz: power of the first, of the second, and their product
    (the real part of the cross spectrum), ``[bands, 3, frames]``, summed over the channels.

    Args:
        read: ``read(start, n)`` -> both of them, ``[C, n]`` each, zeros outside.
        bands: lowest and highest frequency of each, Hz.
    """
    return np.concatenate([*_blocks(read, num_samples, bands)], axis=-1)


def _blocks(read: ReadBoth, num_samples: int, bands: Sequence[Band]) -> Iterator[Floats]:
    edges = [slice(*(round(hertz * FRAME / MODEL_RATE) for hertz in band)) for band in bands]
    for span in sections(num_frames(num_samples), BLOCK):
        start = span.start * POWER_HOP - FRAME // 2
        length = (span.num_samples - 1) * POWER_HOP + FRAME
        a, b = (_spectra(sound) for sound in read(start, length))
        products = [(x.real * y.real + x.imag * y.imag) for x, y in ((a, a), (b, b), (a, b))]
        sums = [[each[..., bins].sum(axis=(0, 2)) for each in products] for bins in edges]
        yield np.array(sums, np.float64)


def _spectra(sound: Signal) -> npt.NDArray[np.complex64]:
    from scipy.fft import rfft

    frames = np.lib.stride_tricks.sliding_window_view(sound, FRAME, axis=-1)[:, ::POWER_HOP]
    return np.asarray(rfft(frames * hann(FRAME), axis=-1))
