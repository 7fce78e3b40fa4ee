"""Spectral convergence over three resolutions."""

from __future__ import annotations

import numpy as np

from morphsep.dsp import Signal, hann

RESOLUTIONS = ((1024, 160, 600), (2048, 240, 1200), (512, 50, 240))
"""(FFT, hop, window) in samples, as the paper has them (arXiv 2510.07908). The usual set, auraloss'
default, has a first hop of 120."""


def spectral_convergence(sound: Signal, reference: Signal) -> float:
    """``|| |R| - |X| ||_F / || |R| ||_F``, mean of three resolutions; no unit, 0 for the same
    magnitudes. Both ``[C, T]`` at one rate, T above 1024 samples; all channels in one norm.

    Arik, Jun, Diamos, "Fast spectrogram inversion using multi-head convolutional neural networks"
    (arXiv 1808.06719), the loss of that name; on guitar morphs, with this FFT set: arXiv
    2510.07908, Table II. NaN if the reference is silent.
    """
    if not reference.any():
        return float("nan")
    return float(np.mean([_at(sound, reference, *each) for each in RESOLUTIONS]))


def _at(sound: Signal, reference: Signal, n_fft: int, hop: int, window: int) -> float:
    wanted = _magnitudes(reference, n_fft, hop, window)
    error = np.linalg.norm(wanted - _magnitudes(sound, n_fft, hop, window))
    return float(error / np.linalg.norm(wanted))


def _magnitudes(x: Signal, n_fft: int, hop: int, window: int) -> Signal:
    """``[C, frames, n_fft // 2 + 1]``: centred frames, the sound reflected at its ends."""
    from scipy.fft import rfft

    padded = np.pad(x, ((0, 0), (n_fft // 2, n_fft // 2)), mode="reflect")
    # the window stands in the middle of the FFT, and only its place in it is read
    before = (n_fft - window) // 2
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft, axis=-1)[:, ::hop]
    windowed = frames[..., before : before + window] * hann(window)
    # a shift in time does not change a magnitude
    magnitudes: Signal = np.abs(rfft(windowed, n=n_fft, axis=-1))
    return magnitudes
