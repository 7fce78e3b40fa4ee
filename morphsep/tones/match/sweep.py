"""Between which delays a chorus or a flanger sweeps, read off a recording before anything is tried.

Such an effect leaves a peak in the cepstrum that moves along a known curve. Of all curves that a
pedal's knobs allow, the likely ones are those along which the cepstrum is high (a Hough transform:
Duda and Hart 1972). The LFO's phase is free: nothing is known about when the recording was made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, Signal

Floats = npt.NDArray[np.float64]
Curve = Callable[[Floats, Floats], Floats]
"""Delays in ms of two ends ``[2, n]`` at heights between -1 and 1 ``[frames, 1]``."""

SIZES = ((4096, 2048, 7), (2048, 1024, 17))
"""Frames, their distance and how many delays are blurred. Short frames see fast sweeps."""
LOWEST_HZ, HIGHEST_HZ = 150.0, 14_000.0
SHORTEST_MS, OCTAVES, PER_OCTAVE = 0.3, 6.7, 48
FLOOR = 1e-11
NUM_PHASES = 24
DETUNED = (0.985, 1.0, 1.015)
"""A rate is known to about a percent; a few seconds tell these apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """An LFO of ``rate`` Hz that goes between delays of ``low`` and ``high`` ms."""

    rate: float
    low: float
    high: float


def even(ends: Floats, height: Floats) -> Floats:
    """A sine between both ends."""
    return np.asarray((ends[0] + ends[1]) / 2 + (ends[1] - ends[0]) / 2 * height)


def by_ratio(ends: Floats, height: Floats) -> Floats:
    """A sine of the delay's logarithm."""
    return np.asarray(ends[0] * (ends[1] / ends[0]) ** (0.5 + 0.5 * height))


def sweeps(
    excerpts: Sequence[Signal], rates: Sequence[float], ends: Floats, curve: Curve, *, count: int
) -> list[Sweep]:
    """The likeliest sweeps, ``count`` for each of ``SIZES``.

    Args:
        excerpts: passages ``[1, T]`` of a recording.
        rates: Hz that an LFO may have.
        ends: shortest and longest delays in ms to choose from, ``[2, n]``.
        curve: how the delay goes between them.
        count: how many.
    """
    found = []
    tried = [rate * factor for rate in rates for factor in DETUNED]
    for size, hop, blur in SIZES:
        maps = [_delays_over_time(each[0], size, hop, blur) for each in excerpts]
        heights = np.array([_heights(maps, size, hop, rate, ends, curve) for rate in tried])
        for at in np.argsort(-heights, axis=None, kind="stable")[:count]:
            rate, pair = np.unravel_index(int(at), heights.shape)
            low, high = ends[:, pair]
            found.append(Sweep(rate=tried[int(rate)], low=float(low), high=float(high)))
    return found


def _heights(
    maps: Sequence[Signal], size: int, hop: int, rate: float, ends: Floats, curve: Curve
) -> Floats:
    """Mean of the cepstrum along each curve in its best phase, ``[n]``."""
    total = np.zeros(ends.shape[1])
    for each in maps:
        rows = (np.arange(len(each)) * each.shape[1])[:, None]
        turns = (np.arange(len(each)) * hop + size // 2) / MODEL_RATE * rate
        best = np.full(ends.shape[1], -np.inf)
        for phase in np.arange(NUM_PHASES) / NUM_PHASES:
            delays = curve(ends, np.sin(2 * np.pi * (turns + phase))[:, None])
            positions = np.rint(PER_OCTAVE * np.log2(np.maximum(delays / SHORTEST_MS, 1)))
            columns = np.minimum(positions.astype(np.int64), each.shape[1] - 1)
            best = np.maximum(best, each.ravel().take(rows + columns).mean(axis=0))
        total += best
    return total


def _delays_over_time(x: Signal, size: int, hop: int, blur: int) -> Signal:
    """Cepstrum of ``[T]``, ``[frames, delays]``: each delay without its mean and of variance 1."""
    from scipy import fft

    window = np.hanning(size + 1)[:-1].astype(np.float32)
    spectrum = fft.rfft(np.lib.stride_tricks.sliding_window_view(x, size)[::hop] * window)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    power *= np.float32(size / (float(power.sum(axis=1).mean()) or 1.0))
    decibels = 10 * np.log10(np.maximum(power, np.float32(FLOOR)))
    hz = np.fft.rfftfreq(size, 1 / MODEL_RATE)
    taper = np.clip((hz - LOWEST_HZ) / 250, 0, 1) * np.clip((HIGHEST_HZ - hz) / 4000, 0, 1)
    decibels -= decibels.mean(axis=1, keepdims=True)
    cepstra = fft.irfft(decibels * taper.astype(np.float32))[:, : size // 2]
    bands = cepstra @ _bands(size).T
    bands -= bands.mean(axis=0)
    kernel = np.hanning(blur + 2)[1:-1] / np.hanning(blur + 2).sum()
    blurred = np.apply_along_axis(np.convolve, 1, bands, kernel, "same")
    spread = blurred.std(axis=0)
    return np.asarray(blurred / np.maximum(spread, 1e-3 * (spread.max() or 1.0)), np.float32)


def _bands(size: int) -> Signal:
    """``[delays, size // 2]``: triangles over log delay, no narrower than a sample."""
    centres = SHORTEST_MS * 2 ** (np.arange(OCTAVES * PER_OCTAVE) / PER_OCTAVE) * MODEL_RATE / 1000
    width = np.maximum(centres * (2 ** (1 / PER_OCTAVE) - 1), 1)
    away = np.abs(np.arange(size // 2) - centres[:, None]) / width[:, None]
    return np.maximum(0, 1 - away).astype(np.float32)
