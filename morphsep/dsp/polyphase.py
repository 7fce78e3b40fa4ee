"""Resampling of sound that comes in blocks: the filter of ``soxr``'s VHQ, as `GridResampler` has.

The filter is measured on soxr itself, once for each pair of rates: what both make of the same sound
differs by rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, gcd

import numpy as np

from morphsep.dsp.signal import Signal
from morphsep.dsp.trail import LONGEST, Trail

WIDTH = 144
"""Samples at the lower rate to either side, beyond which the filter is zero (measured: -285 dB)."""
MOST_PHASES = 1000
"""Terms of the ratio of the rates; with larger ones there would be too many filters."""


def can_stream(rate: int, new_rate: int) -> bool:
    """Whether sound in blocks can be resampled between two rates."""
    return max(rate, new_rate) // gcd(rate, new_rate) <= MOST_PHASES


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Two rates, and how far the filter between them reaches."""

    step: int
    new_step: int
    reach: int
    """Samples at the old rate, to either side."""

    @classmethod
    def of(cls, rate: int, new_rate: int) -> Ratio:
        common = gcd(rate, new_rate)
        reach = ceil(WIDTH * max(1.0, rate / new_rate))
        return cls(step=rate // common, new_step=new_rate // common, reach=reach)

    def known(self, heard: int, first: int = 0) -> int:
        """How many new samples, counted from the first old one, are settled once ``heard`` old ones
        from ``first`` on are known."""
        return max(-(-(heard + first - self.reach) * self.new_step // self.step), 0)


class Polyphase:
    """Resamples blocks; each call gives what is settled by then.

    Args:
        first: position of the first old sample that will come, in old samples; new samples are
            counted from position 0. What comes before is silent.
    """

    def __init__(self, rate: int, new_rate: int, channels: int, first: int = 0) -> None:
        self.ratio = Ratio.of(rate, new_rate)
        self._taps = _taps(rate, new_rate)
        most = ceil(LONGEST * max(1.0, self.ratio.step / self.ratio.new_step))
        self._trail = Trail(channels, 2 * self.ratio.reach + most)
        self._first = first
        self._heard = 0
        self._made = 0

    def push(self, block: Signal) -> Signal:
        """The new samples ``[C, m]`` that ``[C, n]`` old ones settle; ``m`` may be 0."""
        window = self._trail.add(block)
        self._heard += block.shape[1]
        made = np.arange(self._made, self.ratio.known(self._heard, self._first))
        self._made += made.size
        whole, phase = np.divmod(made * self.ratio.step, self.ratio.new_step)
        last = window.shape[1] - self._heard - self._first
        views = np.lib.stride_tricks.sliding_window_view(window, self._taps.shape[1], axis=-1)
        old = views[:, whole + (last - self.ratio.reach + 1)]
        return np.asarray(np.einsum("cmk,mk->cm", old, self._taps[phase]), np.float32)


@lru_cache(maxsize=4)
def _taps(rate: int, new_rate: int) -> Signal:
    """Weights of the old samples from ``1 - reach`` to ``reach`` for each phase of a new one,
    ``[new_step, 2 * reach]``."""
    import soxr

    ratio = Ratio.of(rate, new_rate)
    # one impulse for each place that an old sample can have between new ones, out of reach of the
    # next
    apart = -(-(2 * ratio.reach + 2) // ratio.step) * ratio.step + 1
    train = np.zeros(apart * (ratio.step + 2))
    impulses = apart * np.arange(1, ratio.step + 1)
    train[impulses] = 1
    heard = soxr.resample(train, rate, new_rate, quality="VHQ")
    taps = np.zeros((ratio.new_step, 2 * ratio.reach), np.float32)
    for impulse in impulses:
        first = -(-(impulse - ratio.reach) * ratio.new_step // ratio.step)
        made = np.arange(first, (impulse + ratio.reach - 1) * ratio.new_step // ratio.step + 1)
        whole, phase = np.divmod(made * ratio.step, ratio.new_step)
        taps[phase, impulse - whole + ratio.reach - 1] = heard[made]
    taps.flags.writeable = False
    return taps
