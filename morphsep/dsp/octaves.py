"""A signal in octaves that add up to it, without delay. Pure."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from morphsep.dsp.signal import MODEL_RATE, Signal


def in_octaves(signal: Signal, first_hz: float, count: int, lowest_hz: float = 0.0) -> Signal:
    """Octaves ``[C, count, T]`` of ``[C, T]`` at 44.1 kHz: the first with all that lies below, the
    last with all above. They add up to the signal, less what lies below ``lowest_hz``."""
    from scipy import fft

    octaves = _octaves(signal.shape[1], first_hz)
    shares = np.stack([_raised_cosine(octaves - band) for band in range(count)])
    shares[0, octaves < 0], shares[-1, octaves > count - 1] = 1, 1
    if lowest_hz:
        shares *= _raised_cosine(np.minimum(octaves - math.log2(2 * lowest_hz / first_hz), 0))
    spectra, size = fft.rfft(signal), signal.shape[1]
    return np.stack([fft.irfft(spectra * np.float32(share), size) for share in shares], axis=1)


def octave_around(signal: Signal, hz: float) -> Signal:
    """The octave around a frequency, ``[C, T]``: a raised cosine that ends an octave away."""
    from scipy import fft

    share = _raised_cosine(_octaves(signal.shape[1], hz)).astype(np.float32)
    return np.asarray(fft.irfft(fft.rfft(signal) * share, signal.shape[1]))


def _octaves(size: int, hz: float) -> npt.NDArray[np.float64]:
    """The frequencies of a transform of so many samples, in octaves above ``hz``."""
    frequencies = np.arange(size // 2 + 1) * MODEL_RATE / size
    return np.asarray(np.log2(np.maximum(frequencies, 1.0) / hz))


def _raised_cosine(octaves: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """1 at 0, 0 an octave away; neighbours an octave apart add up to one."""
    return np.asarray(np.cos(np.clip(octaves, -1, 1) * np.pi / 2) ** 2)
