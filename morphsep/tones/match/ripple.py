"""Ripples that an echo of a few milliseconds puts into a spectrum: how deep, how far apart, and how
they move.

A chorus or a flanger adds the signal to itself, tau later: the log spectrum then has a ripple of
1 / tau Hz, and its cepstrum a peak at tau. Log-mel bands are too wide to see it. Which delays
occur, between which they move and at which rate shows here from far off; so a search that starts
far from them is led there. Log-mel statistics alone cannot do that: they change at random until
every setting is right to a few percent.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, Signal
from morphsep.tones.match.statistics import rate_bands

Floats = npt.NDArray[np.float64]

SIZE, HOP = 4096, 2048
LOWEST_HZ, HIGHEST_HZ = 150.0, 14_000.0
"""A high-pass at the low end would show at every delay."""
SHORTEST_MS, OCTAVES, PER_OCTAVE = 0.3, 6.6, 8
FLOOR_DB = -110.0
"""Below a frame's mean: what is heard of a comb between a guitar's partials is its noise."""
SILENT_DB = -50.0
BLUR = np.hanning(17)[1:-1] / np.hanning(17).sum()
LITTLE_BLUR = np.hanning(7)[1:-1] / np.hanning(7).sum()


def ripples(excerpts: Sequence[Signal]) -> tuple[Floats, ...]:
    """Of passages ``[1, T]``, in dB: mean of the cepstrum over time, blurred by an octave; its sum
    up to each delay; the sum of its spread over time (each ``[delays]``); how strongly each delay
    comes and goes at which rate; the sum of that over all slower rates and shorter delays (each
    ``[rates, delays]``). None of them depends on when anything happens."""
    found = [_cepstra(each[0]) for each in excerpts]
    playing = np.concatenate([cepstra[::2][active[::2]] for cepstra, active in found])
    mean, spread = _delays() @ playing.mean(axis=0), _delays() @ playing.std(axis=0)
    moves = np.mean([_moves(cepstra @ _delays().T) for cepstra, _ in found], axis=0)
    blurred = np.apply_along_axis(np.convolve, 1, moves, LITTLE_BLUR, "same")
    sums = np.cumsum(np.cumsum(moves, axis=0), axis=1)
    return (
        np.convolve(mean, BLUR, "same"),
        np.cumsum(mean),
        np.cumsum(spread),
        np.sqrt(blurred),
        np.sqrt(sums),
    )


def delays_over_time(x: Signal, hop: int) -> Floats:
    """Cepstrum of ``[T]`` over time, ``[frames, delays]``, without its mean."""
    bands = np.asarray(_cepstra(x, hop)[0] @ _delays().T, np.float64)
    return np.asarray(bands - bands.mean(axis=0))


def _moves(bands: Signal) -> Floats:
    """Power (square dB) with which each delay comes and goes at each rate, ``[rates, delays]``."""
    count = len(bands)
    window = np.hanning(count + 2)[1:-1]
    spectrum = np.abs(np.fft.rfft((bands - bands.mean(axis=0)) * window[:, None], axis=0)) ** 2
    return np.asarray(rate_bands(count, HOP) @ spectrum * (2 / (count * (window**2).sum())))


def _cepstra(x: Signal, hop: int = HOP) -> tuple[Signal, npt.NDArray[np.bool_]]:
    """``[frames, SIZE // 2]``, and in which frames somebody plays."""
    from scipy import fft

    frames = np.lib.stride_tricks.sliding_window_view(x, SIZE)[::hop]
    spectrum = fft.rfft(frames * _window())
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    totals = power.sum(axis=1)
    mean = float(totals.mean()) or 1.0
    active = totals > mean * 10 ** (SILENT_DB / 10)
    if not active[::2].any():
        active[:] = True
    power *= np.float32(SIZE / mean)
    decibels = 10 * np.log10(np.maximum(power, np.float32(10 ** (FLOOR_DB / 10))))
    decibels -= decibels.mean(axis=1, keepdims=True)
    return np.asarray(fft.irfft(decibels * _taper())[:, : SIZE // 2]), active


@lru_cache(maxsize=1)
def _window() -> Signal:
    return np.hanning(SIZE + 1)[:-1].astype(np.float32)


@lru_cache(maxsize=1)
def _taper() -> Signal:
    hz = np.fft.rfftfreq(SIZE, 1 / MODEL_RATE)
    low, high = (hz - LOWEST_HZ) / 250, (HIGHEST_HZ - hz) / 4000
    return np.asarray(np.clip(low, 0, 1) * np.clip(high, 0, 1), np.float32)


@lru_cache(maxsize=1)
def _delays() -> Signal:
    """``[delays, SIZE // 2]``: overlapping triangles over log delay."""
    centres = np.arange(0, OCTAVES, 1 / PER_OCTAVE)
    samples = np.maximum(np.arange(SIZE // 2), 0.5)
    position = np.log2(samples * 1000 / MODEL_RATE / SHORTEST_MS)
    bands = np.maximum(0, 1 - np.abs(position - centres[:, None]) * PER_OCTAVE)
    return np.asarray(bands, np.float32)
