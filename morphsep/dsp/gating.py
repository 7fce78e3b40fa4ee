"""What measuring loudness is made of (ITU-R BS.1770-4, annex 1): weighting, sums, gates.

The weighting filters are computed for any rate as Brecht De Man found them ("Evaluation of
implementations of the EBU R128 loudness measurement", 2018), which matches the response of the
coefficients printed in the Recommendation for 48 kHz to 1e-10 dB.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

from morphsep.dsp.jit import compiled
from morphsep.dsp.signal import Signal

Floats = npt.NDArray[np.float64]

ABSOLUTE_GATE = -70.0
"""LUFS: a gating block below this counts as silence."""
RELATIVE_GATE = -10.0
"""LU below the loudness of what passed the absolute gate."""
SOFT = -40.0
"""LUFS of the loudest gating block below which a sound is soft as a whole."""
QUIETEST = -50.0
"""LU below the loudest gating block: the gate of what is soft as a whole."""
BINS_PER_BLOCK = 4
"""A gating block is 400 ms and starts every 100 ms: four bins of 100 ms each."""


class KWeighting:
    """The Recommendation's head shelf and high-pass over a signal that comes in blocks."""

    def __init__(self, sample_rate: int, num_channels: int) -> None:
        self._filter = _k_weighting(sample_rate)
        self._state = np.zeros((num_channels, len(self._filter), 2))

    def __call__(self, block: Signal) -> Floats:
        """The next samples ``[C, n]``, n >= 1, weighted."""
        weighted = np.array(block, np.float64, order="C")
        _filter_in_place(weighted, self._filter, self._state)
        return weighted


class Bins:
    """Sums over every 100 ms of some rows that come in blocks, whatever their lengths. Bins begin
    at whole samples of the song."""

    def __init__(self, sample_rate: int, num_rows: int) -> None:
        self._rate = sample_rate
        self._sums: list[Floats] = []
        self._num_bins = 0
        self._num_samples = 0
        self._pending: Floats = np.zeros((num_rows, 0))

    def add(self, values: Floats) -> None:
        """The next values, ``[rows, n]``."""
        self._num_samples += values.shape[-1]
        if self._pending.shape[-1]:
            values = np.concatenate([self._pending, values], axis=-1)
        first = self._edge(self._num_bins)
        complete = self._num_bins
        while self._edge(complete + 1) <= self._num_samples:
            complete += 1
        edges = [self._edge(i) - first for i in range(self._num_bins, complete + 1)]
        if complete > self._num_bins:
            whole = values[:, : edges[-1]]
            self._sums.append(np.add.reduceat(whole, edges[:-1], axis=-1))
        self._pending = values[:, edges[-1] :].copy()
        self._num_bins = complete

    def sums(self) -> Floats:
        """Of every complete 100 ms, ``[rows, bins]``; one, of all that there is, where there is not
        yet a gating block."""
        sums = np.concatenate([*self._sums, np.zeros((len(self._pending), 0))], axis=-1)
        if self._num_bins < BINS_PER_BLOCK:
            sums = (sums.sum(axis=-1) + self._pending.sum(axis=-1))[:, None]
        return np.asarray(sums)

    def block_means(self, sums: Floats) -> Floats:
        """The mean over every gating block, ``[blocks]``, of a row like those of `sums`.

        As the Recommendation says, an incomplete last block does not count. A signal shorter than
        400 ms has no complete block, so it is measured as one block of its own length (the
        Recommendation leaves this open).
        """
        if self._num_bins < BINS_PER_BLOCK:
            return sums / max(self._num_samples, 1)
        windows = np.lib.stride_tricks.sliding_window_view(sums, BINS_PER_BLOCK)
        return np.asarray(windows.sum(axis=-1) / (0.4 * self._rate))

    def _edge(self, index: int) -> int:
        return index * self._rate // 10


def lufs(mean_square: Floats | np.float64) -> Floats:
    """Loudness in LUFS of the mean square of weighted samples, summed over the channels."""
    with np.errstate(divide="ignore"):
        return np.asarray(-0.691 + 10 * np.log10(mean_square))


def gated(mean_squares: Floats) -> float:
    """Integrated loudness in LUFS of the mean squares of all gating blocks; -inf for silence."""
    loud = mean_squares[lufs(mean_squares) >= ABSOLUTE_GATE]
    if loud.size == 0:
        return float("-inf")
    relative = float(lufs(loud.mean())) + RELATIVE_GATE
    return float(lufs(loud[lufs(loud) > relative].mean()))


def gated_at_any_level(mean_squares: Floats) -> float:
    """The same, but what is `SOFT` as a whole is measured like what is loud, with a gate that lies
    `QUIETEST` below its loudest block; -inf for digital silence only."""
    loudest = float(lufs(mean_squares.max(initial=0.0)))
    if loudest >= SOFT or not np.isfinite(loudest):
        return gated(mean_squares)
    louder = ABSOLUTE_GATE - QUIETEST - loudest
    return gated(mean_squares * 10 ** (louder / 10)) - louder


@cache
def _k_weighting(sample_rate: int) -> Floats:
    """Head shelf and high-pass of annex 1: sections ``[2, 5]`` of b0, b1, b2, a1 and a2."""
    k, k_by_q = _turned(1681.9744509555319, 0.7071752369554193, sample_rate)
    high = 10 ** (3.99984385397 / 20)
    edge = high**0.499666774155 * k_by_q
    zeros = np.array([high + edge + k * k, 2 * (k * k - high), high - edge + k * k])
    shelf = [*(zeros / (1 + k_by_q + k * k)), *_poles(k, k_by_q)]
    high_pass = [1, -2, 1, *_poles(*_turned(38.13547087613982, 0.5003270373253953, sample_rate))]
    return np.array([shelf, high_pass])


def _turned(hertz: float, q: float, sample_rate: int) -> tuple[float, float]:
    """The corner on the bilinear transform's axis, and by Q."""
    k = math.tan(math.pi * hertz / sample_rate)
    return k, k / q


def _poles(k: float, k_by_q: float) -> tuple[float, float]:
    """a1 and a2."""
    scale = 1 + k_by_q + k * k
    return 2 * (k * k - 1) / scale, (1 - k_by_q + k * k) / scale


@compiled
def _filter_in_place(signal: Floats, sections: Floats, state: Floats) -> None:
    """Two second-order sections ``[2, 5]`` over ``[C, T]``, transposed direct form II; what is
    between two blocks stays in `state` ``[C, 2, 2]``. (`scipy.signal` has this, and takes a second
    to import, which is more than most songs take to be metered.)

    Both sections in one loop, and all that changes in local variables: the processor works on both
    at a time, and waits for no memory.
    """
    a0, a1, a2, a3, a4 = sections[0]
    b0, b1, b2, b3, b4 = sections[1]
    for channel in range(signal.shape[0]):
        s0, s1 = state[channel, 0]
        t0, t1 = state[channel, 1]
        for n in range(signal.shape[1]):
            x = signal[channel, n]
            y = a0 * x + s0
            s0 = a1 * x - a3 * y + s1
            s1 = a2 * x - a4 * y
            z = b0 * y + t0
            t0 = b1 * y - b3 * z + t1
            t1 = b2 * y - b4 * z
            signal[channel, n] = z
        state[channel, 0] = s0, s1
        state[channel, 1] = t0, t1
