"""What of a recording is its tone and not its notes: log-mel statistics, and how far two differ.

Levels: the distribution of each band's level over time. Swing: how strongly each part of the
spectrum moves at which rate, which is where chorus, flanger, phaser, tremolo and echoes show.
Crest: peak against RMS, which is where clipping and compression show. None of them depends on how
loud a recording is or where in it anything happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, Signal, mel_filters

Floats = npt.NDArray[np.float64]

SIZE, HOP = 2048, 1024
NUM_BANDS = 40
NUM_GROUPS = 20
"""Parts of the spectrum, of two mel bands each, of which the swing is taken; and one for all."""
QUANTILES = (0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 0.95)
FLOOR_DB = -70.0
"""Below the recording's mean power in all bands; nothing under it counts as sound."""
SILENT_DB = -50.0
"""Below the mean power: a frame in which nobody plays."""
SLOWEST, FASTEST, PER_OCTAVE = 0.15, 16.0, 4
"""Rates of swing in Hz, and how finely they are told apart."""
RATE_STEP = 0.02
"""Hz between the rates that `rates_of_swing` looks at."""
SWING_WEIGHT, CREST_WEIGHT = 2.0, 0.5
"""Swing is spread over many rates: 1 dB at one of them is heard, and is little in the mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """In dB: ``levels [NUM_BANDS, Q]``, ``swing [NUM_GROUPS + 1, rates]``, ``crest [Q]``."""

    levels: Floats
    swing: Floats
    crest: Floats


def statistics(excerpts: Sequence[Signal]) -> Statistics:
    """Statistics of passages ``[1, T]`` at 44.1 kHz of one recording; T at least a second."""
    powers = [_mel_power(each[0]) for each in excerpts]
    reference = float(np.mean([p.sum(axis=1).mean() for p in powers])) or 1.0
    decibels = [_decibels(p, reference) for p in powers]
    totals = np.concatenate([_decibels(p.sum(axis=1), reference) for p in powers])
    active = totals > SILENT_DB
    if not active.any():
        active[:] = True
    levels = np.quantile(np.concatenate(decibels)[active], QUANTILES, axis=0).T
    crests = np.concatenate([_crest(each[0]) for each in excerpts])
    swings = np.stack([_swing(p, reference) for p in powers])
    return Statistics(
        levels=levels,
        swing=np.sqrt((swings**2).mean(axis=0)),
        crest=np.quantile(crests, QUANTILES),
    )


def distance(a: Statistics, b: Statistics) -> float:
    """How far two recordings' tones differ, in dB; 0 for the same statistics.

    Of the levels it is the 2-Wasserstein distance of each band's distribution (the RMS difference
    of their quantiles), RMS over the bands.
    """
    parts = (
        np.mean((a.levels - b.levels) ** 2),
        SWING_WEIGHT**2 * np.mean((a.swing - b.swing) ** 2),
        CREST_WEIGHT**2 * np.mean((a.crest - b.crest) ** 2),
    )
    return float(np.sqrt(sum(parts)))


def rates_of_swing(
    excerpts: Sequence[Signal], still: Sequence[Signal], *, count: int = 5
) -> list[float]:
    """Rates in Hz at which a recording's levels swing more than those of another one that does
    not: peaks of the difference, the highest first."""
    hz = np.arange(SLOWEST, FASTEST, RATE_STEP)
    more = _fine_swing(excerpts, hz) - _fine_swing(still, hz)
    inner = more[1:-1]
    peaks = np.flatnonzero((inner > more[:-2]) & (inner >= more[2:]) & (inner > 0)) + 1
    order = peaks[np.argsort(-more[peaks], kind="stable")]
    return [float(hz[i]) for i in order[:count]]


def _fine_swing(excerpts: Sequence[Signal], hz: Floats) -> Floats:
    """Amplitude of all parts' swing at these rates."""
    powers = [_mel_power(each[0]) for each in excerpts]
    reference = float(np.mean([p.sum(axis=1).mean() for p in powers])) or 1.0
    found = np.zeros(hz.size)
    for power in powers:
        curves = _curves(power, reference)
        turns = np.exp(-2j * np.pi * np.outer(hz, np.arange(len(curves))) * HOP / MODEL_RATE)
        found += np.sqrt((np.abs(turns @ curves / len(curves)) ** 2).mean(axis=1))
    return found / len(powers)


def _frames(x: Signal) -> Signal:
    return np.lib.stride_tricks.sliding_window_view(x, SIZE)[::HOP]


def _mel_power(x: Signal) -> Floats:
    """``[frames, NUM_BANDS]``."""
    from scipy import fft

    spectrum = fft.rfft(_frames(x) * _window())
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    return np.asarray(power @ _filters(), np.float64)


@lru_cache(maxsize=1)
def _window() -> Signal:
    return np.hanning(SIZE + 1)[:-1].astype(np.float32)


@lru_cache(maxsize=1)
def _filters() -> Signal:
    return np.asarray(mel_filters(NUM_BANDS, SIZE, MODEL_RATE).T, np.float32)


def _decibels(power: Floats, reference: float) -> Floats:
    return np.asarray(10 * np.log10(np.maximum(power / reference, 10 ** (FLOOR_DB / 10))))


def _crest(x: Signal) -> Floats:
    """Peak against RMS, dB, of each frame in which somebody plays; frames do not overlap."""
    frames = x[: x.size // SIZE * SIZE].reshape(-1, SIZE)
    rms = np.sqrt(np.einsum("ij,ij->i", frames, frames) / SIZE)
    playing = rms > rms.max() * 10 ** (SILENT_DB / 20)
    peaks = np.maximum(frames.max(axis=1), -frames.min(axis=1))
    if not playing.any():
        return np.zeros(1)
    return np.asarray(20 * np.log10(peaks[playing] / rms[playing]), np.float64)


def _swing(power: Floats, reference: float) -> Floats:
    """Amplitude (RMS, dB) with which each part of the spectrum swings at each rate."""
    curves = _curves(power, reference)
    count = len(curves)
    spectrum = np.abs(np.fft.rfft(curves, axis=0)) ** 2
    spectrum *= 2 / (count * (np.hanning(count + 2) ** 2).sum())
    return np.asarray(np.sqrt(np.maximum(rate_bands(count, HOP) @ spectrum, 0)).T)


def _curves(power: Floats, reference: float) -> Floats:
    """Levels of the parts over time, dB, ``[frames, NUM_GROUPS + 1]``: without trend, windowed."""
    groups = power.reshape(len(power), NUM_GROUPS, -1).sum(axis=2)
    curves = _decibels(np.column_stack([groups, groups.sum(axis=1)]), reference)
    time = np.linspace(-1, 1, len(curves))[:, None]
    curves = curves - curves.mean(axis=0)
    curves -= time * (time * curves).sum(axis=0) / (time**2).sum()
    return np.asarray(curves * np.hanning(len(curves) + 2)[1:-1, None])


@lru_cache(maxsize=8)
def rate_bands(count: int, hop: int) -> Floats:
    """``[rates, bins]``: overlapping triangles over log frequency for ``count`` frames that are
    ``hop`` samples apart."""
    hz = np.fft.rfftfreq(count, hop / MODEL_RATE)
    steps = round(np.log2(FASTEST / SLOWEST) * PER_OCTAVE) + 1
    centres = np.log2(SLOWEST) + np.arange(steps) / PER_OCTAVE
    position = np.log2(np.maximum(hz, 1e-3))
    # a bin of a short excerpt is wider than the step between slow rates: it counts for all of them
    width = np.maximum(1 / PER_OCTAVE, np.log2(1 + hz[1] / np.maximum(2**centres, hz[1])))
    found: Floats = np.maximum(0, 1 - np.abs(position - centres[:, None]) / width[:, None])
    return found
