"""The fundamental frequency of one frame, from that frame alone.

After P. Boersma, "Accurate short-term analysis of the fundamental frequency and the
harmonics-to-noise ratio of a sampled sound", Proc. Institute of Phonetic Sciences 17, Amsterdam
1993: the autocorrelation of the windowed frame over that of the window has its maximum at the
period, where it is the share of the power that repeats. That is also how sure the pitch is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from morphsep.backends.spectral.masses import Masses, Reals
from morphsep.dsp import MODEL_RATE, hann

LOWEST = 65.0
"""Hz: three periods of it fit into a window of 2048."""
RUMBLE = 45.0
"""Hz below which nothing counts."""
TAPER = (3000.0, 5000.0)
"""Hz between which partials cease to count: a period is no whole number of samples."""
EQUAL = 0.9
"""Share of the largest maximum from which a shorter period is taken: its multiples do as well."""
SURE = (0.75, 0.9)
"""Share of power that repeats at which a pitch begins to count, and counts in full."""
NEAR = 0.25
"""Distance from a whole harmonic number within which a mass helps to find the pitch exactly."""
AUDIBLE = 1e-3
"""Share of a frame's mass from which it does."""
TINY = 1e-20


@dataclass(frozen=True, slots=True)
class Pitch:
    """A fundamental, and how sure it is."""

    frequency: float
    """Rad per sample; meaningless where ``sure`` is 0."""
    sure: float
    """In [0, 1]."""


def pitch(frame: Masses, n_fft: int) -> Pitch:
    """The pitch of a frame of ``n_fft`` samples that was padded with as many zeros."""
    repeats = _repeats(frame.magnitude, n_fft)
    top = _period(repeats)
    sure = float(np.clip((repeats[top] - SURE[0]) / (SURE[1] - SURE[0]), 0, 1))
    if top == 0 or sure == 0:
        return Pitch(0.0, 0.0)
    before, here, after = repeats[top - 1 : top + 2]
    vertex = top + 0.5 * (before - after) / (before - 2 * here + after)
    return Pitch(_refined(frame, 2 * np.pi / vertex), sure)


def _period(repeats: Reals) -> int:
    """The shortest lag at which about as much comes again as at any; 0: there is none.

    It lies behind the first lag at which the sound is its own opposite: before that, everything is
    like itself.
    """
    opposite = np.flatnonzero(repeats < 0)
    if not opposite.size:
        return 0
    inner = repeats[1:-1]
    tops = np.flatnonzero((inner > repeats[:-2]) & (inner >= repeats[2:])) + 1
    tops = tops[tops > opposite[0]]
    return int(tops[np.argmax(repeats[tops] >= EQUAL * repeats[tops].max())]) if tops.size else 0


def _repeats(magnitude: Reals, n_fft: int) -> Reals:
    """Share of the power that comes again after each lag in samples, up to that of ``LOWEST``."""
    from scipy.fft import irfft

    taper, window = _tables(n_fft)
    last = min(round(MODEL_RATE / LOWEST) + 2, n_fft // 2)
    correlation = irfft(magnitude**2 * taper)[:last]
    return np.asarray(correlation / (correlation[0] + TINY) / window[:last])


def _refined(frame: Masses, frequency: float) -> float:
    """The pitch that fits the partials' own frequencies best; low ones first, since a number is
    sure only where the error so far is small."""
    loud = frame.share > AUDIBLE
    partials, shares = frame.frequency[loud], frame.share[loud]
    for highest in (8, 64):
        number = np.rint(partials / frequency)
        counts = (number > 0) & (number <= highest)
        counts &= np.abs(partials - number * frequency) < NEAR * frequency
        weight = shares**2 * counts * number
        total = float(weight @ number)
        if total > 0:
            frequency = float(weight @ partials) / total
    return frequency


@lru_cache(maxsize=4)
def _tables(n_fft: int) -> tuple[Reals, Reals]:
    """Weight of each bin's power, ``[K]``, and the window's own autocorrelation, ``[n_fft]``."""
    from scipy.fft import irfft, rfft

    hertz = np.arange(n_fft + 1) * MODEL_RATE / (2 * n_fft)
    low, high = TAPER
    taper = 0.5 + 0.5 * np.cos(np.pi * np.clip((hertz - low) / (high - low), 0, 1))
    taper[hertz < RUMBLE] = 0
    window = irfft(np.abs(rfft(hann(n_fft).astype(np.float64), 2 * n_fft)) ** 2)[:n_fft]
    return np.asarray(taper), np.asarray(window / window[0])
