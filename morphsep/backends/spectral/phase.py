"""The steady difference in phase between two tones, frequency by frequency.

Amplifiers invert, and every filter shifts the phase: two renderings of the same notes may be
opposite in one band and in phase in the next, which is inaudible until they are blended and cancel.
The phase is measured on the tones with a probe, not on the song: it must be the same for every
passage. The probe is noise, since the cross-spectrum of Gaussian noise before and after a
distortion is that of its linear part alone (Bussgang 1952).
"""

from __future__ import annotations

import numpy as np

from morphsep.dsp import MODEL_RATE, FrameGrid, Signal, erb_bands, from_db
from morphsep.tones import Tone

COHERENT = 0.2
"""Coherence below which a band has no steady phase and gets that of its neighbours."""

LEVEL = -20.0
"""Level of the probe in dBFS: about the loudness of a usual recording in LUFS."""

_known: dict[tuple[str, str, int, int], Signal] = {}


def phase_between(source: Tone, target: Tone, n_fft: int, num_bands: int) -> Signal:
    """Phase of ``target`` against ``source`` in rad, smooth over frequency, ``[K]``."""
    key = source.fingerprint(), target.fingerprint(), n_fft, num_bands
    if key not in _known:
        if len(_known) > 1000:  # a data set may bring a new pair with every clip
            _known.clear()
        bands = _coherence(source, target, n_fft, num_bands)
        _known[key] = _unwrapped(bands) @ erb_bands(n_fft, num_bands).to_bins
    return _known[key]


def probe() -> Signal:
    """Two seconds of noise that falls by 6 dB per octave above 200 Hz, ``[2, T]``."""
    length = 2 * MODEL_RATE
    frequency = np.fft.rfftfreq(length, 1 / MODEL_RATE)
    shape = (frequency > 40) / np.sqrt(1 + (frequency / 200) ** 2)
    white = np.fft.rfft(np.random.default_rng(0).standard_normal(length))
    noise = np.fft.irfft(white * shape)
    noise *= from_db(LEVEL) / np.sqrt(np.mean(noise**2))
    return np.stack((noise, noise)).astype(np.float32)


def _coherence(source: Tone, target: Tone, n_fft: int, num_bands: int) -> np.ndarray:
    """Complex coherence of target and source in each band, ``[num_bands]``; 0 where silent."""
    stem = probe()
    grid = FrameGrid(start=0, num_samples=stem.shape[1], n_fft=n_fft, hop=n_fft // 4)
    settled = slice(grid.count // 4, grid.count - 4)
    spectra = (
        grid.analyse(grid.pad(tone.render(stem, 0, LEVEL)), settled) for tone in (source, target)
    )
    a, b = (each.astype(np.complex128) for each in spectra)
    to_bands = erb_bands(n_fft, num_bands).to_bands
    cross = (b * a.conj()).sum(axis=(0, 1)) @ to_bands
    powers = [(np.abs(each) ** 2).sum(axis=(0, 1)) @ to_bands for each in (a, b)]
    coherence: np.ndarray = cross / (np.sqrt(powers[0] * powers[1]) + 1e-12)
    return coherence


def _unwrapped(coherence: np.ndarray) -> Signal:
    """Unwrapped phases of the bands, their median in [-pi, pi]."""
    sure = np.flatnonzero(np.abs(coherence) > COHERENT)
    if not len(sure):
        return np.zeros(len(coherence), np.float32)
    phase = np.unwrap(np.angle(coherence[sure]))
    phase -= 2 * np.pi * np.round(np.median(phase) / (2 * np.pi))
    filled: Signal = np.interp(np.arange(len(coherence)), sure, phase).astype(np.float32)
    return filled
