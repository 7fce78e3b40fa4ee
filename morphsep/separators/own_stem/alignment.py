"""Position and level of a stem within a mix.

The least-squares gain of the stem in the mix, as a function of lag: at the right lag it is near the
gain that the mix was made with (1 for a stem as mixed), everywhere else near 0. Frequencies are
weighted by the inverse of the mix's power (weighted least squares: everything but the stem counts
as noise), which also makes the peak one sample sharp: the generalised cross-correlation of C. Knapp
and G. Carter, "The generalized correlation method for estimation of time delay", IEEE Trans. ASSP
24 (1976), with the mix's spectrum as the weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Signal

Curve = npt.NDArray[np.float64]
Spectrum = npt.NDArray[np.complex128]

FOUND = 20.0
"""Contrast above which a peak is not chance."""
FLOOR = 1e-3
"""Power added to the mix's, relative to its mean: where the mix is nearly empty (above a lossy
codec's limit, in a pause) the stem holds noise and rounding, which must not decide."""
MIN_SMOOTHING = 65
"""Bins; with fewer, each bin of a short excerpt would lower its own weight, and so the gain."""
TINY = float(np.finfo(np.float64).tiny)
SMOOTHING_HZ = 12.0
"""Width over which the mix's spectrum is averaged: narrower than a partial's neighbourhood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """A piece of the stem, and the piece of the mix in which it is searched."""

    stem: Signal
    """``[C, N]``."""
    mix: Signal
    """``[C, reach + N + reach]``: the same span, with `reach` samples more on each side."""
    start: int = 0
    """Where the piece begins within the stem, in samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How the stem lies in the mix."""

    lag: int
    """Samples by which to delay the stem (negative: advance), so that it lies where the mix has
    it."""
    gain: float
    """Least-squares gain of the stem within the mix at that lag: 1 for a stem as mixed."""
    contrast: float
    """How far |gain| stands out from its values at other lags, in their standard deviations."""
    lags: tuple[int, ...]
    """The lag of each excerpt by itself, for those with a clear one."""


def fit(excerpts: Sequence[Excerpt], sample_rate: int) -> Fit:
    """The lag within reach at which the stem explains most of the mix.

    Args:
        excerpts: at least one; all with the same shapes.
        sample_rate: Hz.
    """
    spectra = [_Spectra.of(excerpt) for excerpt in excerpts]
    powers = [s.power(sample_rate) for s in spectra]
    floor = FLOOR * float(np.mean([power.mean() for power in powers])) + TINY
    noises = [power + floor for power in powers]
    curves = np.array([s.correlation(noise) for s, noise in zip(spectra, noises, strict=True)])
    energy = sum(s.energy(noise) for s, noise in zip(spectra, noises, strict=True))
    reach = curves.shape[1] // 2
    gains = curves.sum(axis=0) / max(energy, TINY)
    index = _peak(gains)
    own = [_peak(curve) - reach for curve in curves if _contrast(curve) >= FOUND]
    return Fit(
        lag=index - reach, gain=float(gains[index]), contrast=_contrast(gains), lags=tuple(own)
    )


def plain_gain(excerpts: Sequence[Excerpt], lag: int) -> float:
    """Least-squares gain at ``lag`` without weights: what is loudest decides, not every moment at
    which both sounds start. 0 for a silent stem."""
    product = energy = 0.0
    for each in excerpts:
        length = each.stem.shape[-1]
        start = (each.mix.shape[-1] - length) // 2 + lag
        stem = each.stem.astype(np.float64)
        product += float(np.sum(stem * each.mix[:, start : start + length]))
        energy += float(np.sum(stem**2))
    return product / max(energy, TINY)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spectra:
    mix: Spectrum
    stem: Spectrum
    size: int
    num_lags: int

    @classmethod
    def of(cls, excerpt: Excerpt) -> _Spectra:
        from scipy.fft import next_fast_len, rfft

        length = excerpt.mix.shape[-1]
        size = next_fast_len(length, real=True)
        return cls(
            mix=rfft(excerpt.mix.astype(np.float64), size, axis=-1),
            stem=rfft(excerpt.stem.astype(np.float64), size, axis=-1),
            size=size,
            num_lags=length - excerpt.stem.shape[-1] + 1,
        )

    def power(self, sample_rate: int) -> Curve:
        from scipy.ndimage import uniform_filter1d

        width = max(MIN_SMOOTHING, round(SMOOTHING_HZ * self.size / sample_rate))
        return np.asarray(uniform_filter1d(_power(self.mix), width))

    def correlation(self, noise: Curve) -> Curve:
        """Correlation at every lag, ``[num_lags]``, weighted by the inverse of the noise's
        power."""
        from scipy.fft import irfft

        cross = (np.conj(self.stem) * self.mix).sum(axis=0) / noise
        return np.asarray(irfft(cross, self.size)[: self.num_lags])

    def energy(self, noise: Curve) -> float:
        """The stem's energy under the same weights."""
        own = _power(self.stem) / noise
        once = own[0] + (own[-1] if self.size % 2 == 0 else 0.0)  # bins without a mirror image
        return float(2 * own.sum() - once) / self.size


def _power(spectrum: Spectrum) -> Curve:
    """Of all channels, without the square root of a magnitude."""
    return np.asarray((spectrum.real**2 + spectrum.imag**2).sum(axis=0))


def _contrast(curve: Curve) -> float:
    """The peak in standard deviations, estimated from the median, which the peak does not move."""
    size = np.abs(curve)
    return float(size.max() / max(1.4826 * np.median(size), TINY))


def _peak(curve: Curve) -> int:
    """Index of the largest magnitude; of equal ones (a loop repeats exactly) the most central."""
    size = np.abs(curve)
    best = np.flatnonzero(size >= size.max() * (1 - 1e-6))
    return int(best[np.argmin(np.abs(best - curve.size // 2))])
