"""What can be read off a recording before any trial: how fast an LFO turns, when echoes come.

Both are compared with a recording that has neither, so that the notes' own rhythm counts less.
Neither knows when anything happens, only after which time it comes again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, Signal
from morphsep.tones.match.ripple import delays_over_time

Floats = npt.NDArray[np.float64]

HOP = 1024
SLOWEST, FASTEST, NUM_RATES = 0.08, 6.0, 1200
ALIKE = 0.1
"""Rates that differ by less than this part are one."""
PARTS = (1 / 2, 1 / 3, 2 / 3, 1 / 4, 3 / 4, 1 / 5, 4 / 5)
"""Of a turn."""
LONGEST_LAG = 0.85
"""Of a passage's length: behind that hardly anything overlaps."""
ECHO_SIZE = 1 << 17
ECHO_LOW_HZ, ECHO_HIGH_HZ = 150.0, 10_000.0
APART = 200
"""Samples between two echoes that are told apart."""


def turning_rates(
    excerpts: Sequence[Signal], still: Sequence[Signal], *, count: int = 3
) -> list[float]:
    """Rates in Hz at which ripples of the spectrum come again, the likeliest first.

    The ripples of a chorus or a flanger are the same after each turn of its LFO and others half a
    turn later: peaks of their autocorrelation at a turn's multiples, less what comes between them.
    """
    here, other = _recurrence(excerpts), _recurrence(still)
    size = min(here.size, other.size)
    more = (here[:size] - other[:size]) / (here[0] or 1.0)
    rates = np.geomspace(SLOWEST, FASTEST, NUM_RATES)
    lags = np.arange(size) * HOP / MODEL_RATE
    scores = np.array([_comb(more, lags, rate) for rate in rates])
    found: list[float] = []
    for rate in (float(rates[i]) for i in _peaks(scores)):
        if len(found) < count and all(abs(np.log(rate / each)) > ALIKE for each in found):
            found.append(rate)
    return found


def _recurrence(excerpts: Sequence[Signal]) -> Floats:
    """Autocorrelation of the ripples over lags of ``HOP``, ``[lags]``, mean over the passages."""
    found = []
    for each in excerpts:
        ripples = delays_over_time(each[0], HOP)
        count = len(ripples)
        power = (np.abs(np.fft.rfft(ripples, 2 * count, axis=0)) ** 2).sum(axis=1)
        found.append(np.fft.irfft(power)[:count] / np.arange(count, 0, -1))
    shortest = min(each.size for each in found)
    return np.asarray(np.mean([each[:shortest] for each in found], axis=0))


def _comb(more: Floats, lags: Floats, rate: float) -> float:
    """How much comes again after each turn, and not after a simple part of one as well: else a
    third of the rate would do as well as the rate."""
    turns = np.arange(1, max(2, int(lags[-1] * LONGEST_LAG * rate) + 1))
    means = []
    for part in (0, *PARTS):
        at = (turns - part) / rate
        at = at[at < lags[-1] * LONGEST_LAG]
        means.append(float(np.interp(at, lags, more).mean()) if at.size else -1.0)
    return means[0] - max(means[1:]) / 2


def _peaks(curve: Floats) -> list[int]:
    inner = curve[1:-1]
    at = np.flatnonzero((inner > curve[:-2]) & (inner >= curve[2:]) & (inner > 0)) + 1
    return [int(i) for i in at[np.argsort(-curve[at], kind="stable")]]


def echo_times(
    excerpts: Sequence[Signal],
    still: Sequence[Signal],
    *,
    shortest: float,
    longest: float,
    count: int = 4,
) -> list[float]:
    """Seconds after which a recording comes again, the clearest first: peaks of the cepstrum of a
    few seconds (Bogert, Healy and Tukey 1963), less that of a recording without echoes.

    Args:
        excerpts: passages ``[1, T]`` of the recording.
        still: of the other one.
        shortest: seconds; no echo is sooner.
        longest: seconds; no echo is later.
        count: how many.
    """
    size = min(ECHO_SIZE, *(1 << (each.shape[1].bit_length() - 1) for each in (*excerpts, *still)))
    first, last = (min(round(t * MODEL_RATE), size // 2) for t in (shortest, longest))
    more = (_long_cepstrum(excerpts, size) - _long_cepstrum(still, size))[first:last]
    found: list[float] = []
    while len(found) < count and more.size and more.max() > 0:
        at = int(np.argmax(more))
        found.append((at + first) / MODEL_RATE)
        more[max(at - APART, 0) : at + APART] = 0
    return found


def _long_cepstrum(excerpts: Sequence[Signal], size: int) -> Floats:
    from scipy import fft

    hz = np.fft.rfftfreq(size, 1 / MODEL_RATE)
    rise, fall = (hz - ECHO_LOW_HZ) / 100, (ECHO_HIGH_HZ - hz) / 4000
    taper = np.clip(rise, 0, 1) * np.clip(fall, 0, 1)
    window = np.hanning(size + 1)[:-1]
    total, number = np.zeros(size // 2), 0
    for each in excerpts:
        for frame in np.lib.stride_tricks.sliding_window_view(each[0], size)[:: size // 4]:
            power = np.abs(fft.rfft(frame * window)) ** 2
            decibels = 10 * np.log10(power / (power.mean() or 1.0) + 1e-9)
            total += fft.irfft((decibels - decibels.mean()) * taper)[: size // 2]
            number += 1
    return total / number
