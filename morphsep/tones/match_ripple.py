"""Ripples that an echo of a few milliseconds puts into a spectrum: how deep, and how far apart.

A chorus or a flanger adds the signal to itself, tau later: the log spectrum then has a ripple of
1 / tau Hz, and its cepstrum a peak at tau. Log-mel bands are too wide to see it. Which delays
occur, and between which they move, shows here however fast they do; so a search that starts far
from them is led there. Log-mel statistics alone cannot do that: they change at random until every
setting is right to a few percent.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from morphsep.signal import MODEL_RATE, Signal

Floats = npt.NDArray[np.float64]

SIZE = HOP = 4096
LOWEST_HZ, HIGHEST_HZ = 150.0, 14_000.0
"""A high-pass at the low end would show at every delay."""
SHORTEST_MS, OCTAVES, PER_OCTAVE = 0.3, 6.6, 8
FLOOR_DB = -110.0
"""Below a frame's mean: what is heard of a comb between a guitar's partials is its noise."""
SILENT_DB = -50.0
BLUR = np.hanning(17)[1:-1] / np.hanning(17).sum()


def ripples(excerpts: Sequence[Signal]) -> tuple[Floats, Floats, Floats]:
    """Of passages ``[1, T]``: mean of the cepstrum over time, blurred by an octave; its sum up to
    each delay; the sum of its spread over time. Each ``[delays]``, in dB."""
    cepstra = np.concatenate([_cepstra(each[0]) for each in excerpts])
    mean = _delays() @ cepstra.mean(axis=0)
    spread = _delays() @ cepstra.std(axis=0)
    return np.convolve(mean, BLUR, "same"), np.cumsum(mean), np.cumsum(spread)


def _cepstra(x: Signal) -> Signal:
    """``[frames, SIZE // 2]`` of the frames in which somebody plays."""
    from scipy import fft

    frames = np.lib.stride_tricks.sliding_window_view(x, SIZE)[::HOP]
    spectrum = fft.rfft(frames * _window())
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    totals = power.sum(axis=1)
    mean = float(totals.mean()) or 1.0
    active = totals > mean * 10 ** (SILENT_DB / 10)
    power = power[active if active.any() else slice(None)] * np.float32(SIZE / mean)
    decibels = 10 * np.log10(np.maximum(power, np.float32(10 ** (FLOOR_DB / 10))))
    decibels -= decibels.mean(axis=1, keepdims=True)
    return np.asarray(fft.irfft(decibels * _taper())[:, : SIZE // 2])


@lru_cache(maxsize=1)
def _window() -> Signal:
    return np.hanning(SIZE + 1)[:-1].astype(np.float32)


@lru_cache(maxsize=1)
def _taper() -> Signal:
    hz = np.fft.rfftfreq(SIZE, 1 / MODEL_RATE)
    low, high = (hz - LOWEST_HZ) / 250, (HIGHEST_HZ - hz) / 4000
    return np.asarray(np.clip(low, 0, 1) * np.clip(high, 0, 1), np.float32)


@lru_cache(maxsize=1)
def _delays() -> Floats:
    """``[delays, SIZE // 2]``: overlapping triangles over log delay."""
    centres = np.arange(0, OCTAVES, 1 / PER_OCTAVE)
    samples = np.maximum(np.arange(SIZE // 2), 0.5)
    place = np.log2(samples * 1000 / MODEL_RATE / SHORTEST_MS)
    return np.asarray(np.maximum(0, 1 - np.abs(place - centres[:, None]) * PER_OCTAVE))
