"""Keeps what is added to a recording inside the band that has survived."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from morphsep.dsp import Signal
from morphsep.restoration.measurements import Band
from morphsep.restoration.zero_phase import ZeroPhase, kaiser_taps, kaiser_window

Read = Callable[[int, int], Signal]

DEPTH_DB = 80.0
EDGE = 0.15
"""Of a band's edge frequency: from where all passes to where nothing does."""
LOWEST_HZ = 60.0
"""A band that begins below is not limited there."""


def within(read: Read, sample_rate: int, band: Band) -> Read:
    """A sound without what lies outside a band: nothing at its edges and beyond, all of it from
    15 % inside. Without delay; any spans give the same samples.

    Args:
        read: ``read(start, n)`` -> ``[C, n]``, zeros outside the recording.
        sample_rate: of the sound, Hz.
        band: such as `surviving_band` has found.
    """
    if band.low_hz < LOWEST_HZ and band.high_hz >= 0.5 * sample_rate:
        return read
    limit = _filter(sample_rate, band)
    context = limit.grid.context

    def limited(start: int, num_samples: int) -> Signal:
        return limit.apply(read(start - context, num_samples + 2 * context), start)

    return limited


@lru_cache(maxsize=8)
def _filter(sample_rate: int, band: Band) -> ZeroPhase:
    low = band.low_hz if band.low_hz >= LOWEST_HZ else 0.0
    high = min(band.high_hz, 0.5 * sample_rate)
    edge = EDGE * (low or high)
    taps = kaiser_taps(edge, DEPTH_DB, sample_rate)
    times = np.arange(-taps, taps + 1) / sample_rate
    if high < 0.5 * sample_rate:
        high -= 0.5 * EDGE * high
    response = 2 * high * np.sinc(2 * high * times)
    if low:
        low += 0.5 * edge
        response -= 2 * low * np.sinc(2 * low * times)
    return ZeroPhase.of(response * kaiser_window(taps, DEPTH_DB) / sample_rate, 2 * sample_rate)
