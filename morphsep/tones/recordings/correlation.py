"""How two pieces of sound correlate, delay by delay, whatever filters they went through.

Another amplifier changes phases, so a plain correlation has no sharp peak. This is the generalised
cross-correlation with the phase transform (C. Knapp and G. Carter, IEEE Trans. ASSP 24, 1976): the
spectra are whitened by their own smoothed powers, and the magnitude of the analytic signal does not
depend on a constant phase.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, Signal

BAND = (80.0, 6000.0)
"""Hz: band in which an amplifier preserves enough of the waveform."""
SMOOTHING_HZ = 12.0
TINY = 1e-30


def correlation(
    stem: Signal, recorded: Signal, band: tuple[float, float] = BAND
) -> npt.NDArray[np.complex128]:
    """Whitened correlation of ``[C, N]`` with ``[C, reach + N + reach]``, as an analytic signal
    over the delay, ``[2 * reach + 1]``; the middle is no delay, and equal sounds give 1."""
    from scipy.fft import ifft, next_fast_len, rfft

    num_delays = recorded.shape[1] - stem.shape[1] + 1
    size = next_fast_len(recorded.shape[1])
    a = rfft(stem.mean(axis=0, dtype=np.float64) * np.hanning(stem.shape[1]), size)
    b = rfft(recorded.mean(axis=0, dtype=np.float64), size)
    weight = np.sqrt(_smooth(np.abs(a) ** 2, size) * _smooth(np.abs(b) ** 2, size))
    hertz = np.arange(a.size) * MODEL_RATE / size
    inside = (hertz > band[0]) & (hertz < band[1])
    whole = np.zeros(size, np.complex128)
    white = np.conj(a) * b / (weight + 1e-6 * weight.mean() + TINY)
    whole[: a.size] = np.where(inside, white, 0)
    return np.asarray(ifft(whole)[:num_delays] * (size / max(inside.sum(), 1)))


def _smooth(power: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.float64]:
    from scipy.ndimage import uniform_filter1d

    width = max(65, round(SMOOTHING_HZ * size / MODEL_RATE))
    return np.asarray(np.maximum(uniform_filter1d(power, width), 0))
