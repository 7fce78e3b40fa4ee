"""Spectral envelope in overlapping bands of equal width on the ERB-rate scale.

A band's power is what the ear integrates over, so an envelope made of band powers keeps the
loudness that a cepstral envelope (a mean of logarithms) loses in noisy spectra.
ERB rate: Glasberg and Moore 1990, 21.4 log10(1 + 0.00437 f/Hz).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from morphsep.dsp.signal import MODEL_RATE, Signal


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bands:
    """Triangular bands that add up to 1 in each bin."""

    to_bins: Signal
    """``[num_bands, K]``: a value per band -> linear interpolation over the bins."""
    to_bands: Signal
    """``[K, num_bands]``: powers of bins -> powers of bands."""
    loudness: Signal
    """``[num_bands]``: weight of each band's power in loudness (ITU-R BS.1770 K-weighting)."""


@lru_cache(maxsize=4)
def erb_bands(n_fft: int, num_bands: int) -> Bands:
    """Bands over the bins of a real FFT at 44.1 kHz."""
    frequencies = np.arange(n_fft // 2 + 1) * MODEL_RATE / n_fft
    rate = 21.4 * np.log10(1 + 0.00437 * frequencies)
    position = rate / rate[-1] * (num_bands - 1)
    triangles = np.maximum(0, 1 - np.abs(position[None] - np.arange(num_bands)[:, None]))
    weights = triangles @ k_weighting(frequencies) / np.maximum(triangles.sum(axis=1), 1e-9)
    return Bands(
        to_bins=triangles.astype(np.float32),
        to_bands=np.ascontiguousarray(triangles.T, np.float32),
        loudness=weights.astype(np.float32),
    )


def k_weighting(frequencies: np.ndarray) -> np.ndarray:
    """Power response of BS.1770's pre-filter at ``frequencies`` in Hz.

    From its analogue prototypes: a 38 Hz high-pass and a +4 dB shelf at 1.68 kHz.
    """
    s = 1j * frequencies
    low, high, q = 38.13547, 1681.97445, 0.70717
    gain, middle = 10 ** (3.99984 / 20), 10 ** (3.99984 / 20 * 0.49967)
    cut = s**2 / (s**2 + s * low / 0.50033 + low**2)
    shelf = (gain * s**2 + middle * s * high / q + high**2) / (s**2 + s * high / q + high**2)
    return np.abs(cut * shelf) ** 2
