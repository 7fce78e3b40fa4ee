"""Spectra of whole recordings, a block at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Reader, Signal, hann, sections

BLOCK = 256
"""Frames at a time."""
Spectra = npt.NDArray[np.complex64]


def mono(recording: Reader, start: int, num_samples: int) -> Signal:
    """The mean of the channels, ``[num_samples]``; zeros outside."""
    return np.asarray(recording.read(start, num_samples).mean(axis=0), np.float32)


def spectra(recording: Reader, size: int, hop: int, extra: int = 0) -> Iterator[Spectra]:
    """Spectra of the mean of the channels with a Hann window, ``[n, size // 2 + 1]``, one block
    after the other; frame ``k`` begins at sample ``k * hop + extra``."""
    from scipy.fft import rfft

    count = max(1, (recording.info.num_samples - size) // hop + 1)
    for span in sections(count, BLOCK):
        sound = mono(recording, span.start * hop + extra, (span.num_samples - 1) * hop + size)
        frames = np.lib.stride_tricks.sliding_window_view(sound, size)[::hop]
        yield np.asarray(rfft(frames * hann(size), axis=-1))


def decibels(power: npt.NDArray[np.floating], least: float = 1e-20) -> npt.NDArray[np.float64]:
    """Of powers."""
    return np.asarray(10 * np.log10(np.maximum(power, least)), np.float64)
