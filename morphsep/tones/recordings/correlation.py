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
    return Correlator(stem, recorded.shape[1], band)(recorded)


class Correlator:
    """The same of one stem with many recordings of one length: what depends on the stem alone is
    computed once."""

    def __init__(self, stem: Signal, length: int, band: tuple[float, float] = BAND) -> None:
        """
        Args:
            stem: ``[C, N]``.
            length: samples of each recording, N or more.
        """
        from scipy.fft import next_fast_len, rfft

        self._num_delays = length - stem.shape[1] + 1
        self._size = next_fast_len(length)
        spectrum = rfft(stem.mean(axis=0, dtype=np.float64) * np.hanning(stem.shape[1]), self._size)
        self._power = _smooth(np.abs(spectrum) ** 2, self._size)
        self._spectrum = np.conj(spectrum)
        hertz = np.arange(spectrum.size) * MODEL_RATE / self._size
        self._inside = (hertz > band[0]) & (hertz < band[1])

    def __call__(self, recorded: Signal) -> npt.NDArray[np.complex128]:
        """Correlation with ``[C, length]``, ``[length - N + 1]``."""
        from scipy.fft import ifft, rfft

        spectrum = rfft(recorded.mean(axis=0, dtype=np.float64), self._size)
        weight = np.sqrt(self._power * _smooth(np.abs(spectrum) ** 2, self._size))
        white = self._spectrum * spectrum / (weight + 1e-6 * weight.mean() + TINY)
        whole = np.zeros(self._size, np.complex128)
        whole[: spectrum.size] = np.where(self._inside, white, 0)
        scale = self._size / max(self._inside.sum(), 1)
        return np.asarray(ifft(whole)[: self._num_delays] * scale)


def _smooth(power: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.float64]:
    from scipy.ndimage import uniform_filter1d

    width = max(65, round(SMOOTHING_HZ * size / MODEL_RATE))
    return np.asarray(np.maximum(uniform_filter1d(power, width), 0))
