"""Streaming meters: loudness, peak and true peak of a signal that never has to be in memory.

Sources: Recommendation ITU-R BS.1770-4 (annex 1: loudness; annex 2: true peak). The weighting
filters are computed for any rate as Brecht De Man found them ("Evaluation of implementations of
the EBU R128 loudness measurement", 2018), which matches the response of the coefficients printed in
the Recommendation for 48 kHz to 1e-10 dB.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from morphsep.dsp.jit import compiled
from morphsep.dsp.signal import Signal

if TYPE_CHECKING:
    from collections.abc import Iterable

Floats = npt.NDArray[np.float64]

ABSOLUTE_GATE = -70.0
"""LUFS: a gating block below this counts as silence."""
RELATIVE_GATE = -10.0
"""LU below the loudness of what passed the absolute gate."""
BINS_PER_BLOCK = 4
"""A gating block is 400 ms and starts every 100 ms: four bins of 100 ms each."""


class LoudnessMeter:
    """Integrated loudness in LUFS and sample peak of all blocks added, whatever their lengths.

    Keeps one number per 100 ms and channel (0.6 MB for two hours of stereo). One or two channels,
    weighted 1.0 each.
    """

    def __init__(self, sample_rate: int, num_channels: int) -> None:
        self.sample_rate = sample_rate
        self.num_channels = num_channels
        self.peak = 0.0
        """Largest absolute sample so far, linear (1.0 = 0 dBFS)."""
        self._filter = _k_weighting(sample_rate)
        self._state = np.zeros((num_channels, len(self._filter), 2))
        self._energies: list[Floats] = []
        self._num_bins = 0
        self._num_samples = 0
        self._pending: Floats = np.zeros((num_channels, 0))

    def add(self, block: Signal) -> None:
        """The next samples, ``[C, n]``, n >= 0."""
        if block.shape[-1] == 0:
            return
        self.peak = max(self.peak, float(np.abs(block).max()))
        weighted = np.array(block, np.float64, order="C")
        _filter_in_place(weighted, self._filter, self._state)
        self._pending = np.concatenate([self._pending, weighted], axis=-1)
        self._num_samples += block.shape[-1]
        self._close_bins()

    def integrated(self) -> float:
        """Gated loudness in LUFS of everything so far; -inf for silence.

        As the Recommendation says, an incomplete last block does not count. A signal shorter than
        400 ms has no complete block, so it is measured as one block of its own length (the
        Recommendation leaves this open).
        """
        blocks = self._block_energies()
        loud = blocks[_lufs(blocks) >= ABSOLUTE_GATE]
        if loud.size == 0:
            return float("-inf")
        relative = float(_lufs(loud.mean())) + RELATIVE_GATE
        return float(_lufs(loud[_lufs(loud) > relative].mean()))

    def momentary(self) -> Floats:
        """Loudness in LUFS of every gating block of 400 ms, one every 100 ms, ungated (EBU Tech
        3341's momentary loudness): ``[blocks]``, -inf for digital silence."""
        return _lufs(self._block_energies())

    def _close_bins(self) -> None:
        """Reduces every complete 100 ms to its energy. Bins begin at whole samples of the song."""
        first = self._edge(self._num_bins)
        complete = self._num_bins
        while self._edge(complete + 1) <= self._num_samples:
            complete += 1
        if complete == self._num_bins:
            return
        edges = [self._edge(i) - first for i in range(self._num_bins, complete + 1)]
        squares = self._pending[:, : edges[-1]] ** 2
        self._energies.append(np.add.reduceat(squares, edges[:-1], axis=-1))
        self._pending = self._pending[:, edges[-1] :].copy()
        self._num_bins = complete

    def _edge(self, index: int) -> int:
        return index * self.sample_rate // 10

    def _block_energies(self) -> Floats:
        """Mean square of every gating block, summed over the channels."""
        if self._num_bins < BINS_PER_BLOCK:
            total = sum(float(e.sum()) for e in self._energies) + float(np.sum(self._pending**2))
            return np.array([total / max(self._num_samples, 1)])
        bins = np.concatenate(self._energies, axis=-1).sum(axis=0)
        sums = np.lib.stride_tricks.sliding_window_view(bins, BINS_PER_BLOCK).sum(axis=-1)
        return np.asarray(sums / (0.4 * self.sample_rate))


class TruePeakMeter:
    """True peak (BS.1770-4 annex 2): 4x oversampling with the Recommendation's own filter.

    ``peak`` is linear (1.0 = 0 dBTP) and never below the largest sample (none of the filter's four
    phases is the sample itself). The same 12 taps a phase serve every sample rate.
    """

    def __init__(self, num_channels: int) -> None:
        self._peak = 0.0
        self._history: Floats = np.zeros((num_channels, _TAPS - 1))

    @property
    def peak(self) -> float:
        """True peak so far, linear, including the filter's ringing after the last sample."""
        tail = np.pad(self._history, ((0, 0), (0, _TAPS - 1)))
        return max(self._peak, _interpolated_peak(tail, self._peak))

    def add(self, block: Signal) -> None:
        """The next samples, ``[C, n]``, n >= 0."""
        if block.shape[-1] == 0:
            return
        signal = np.concatenate([self._history, block], axis=-1)
        self._peak = max(self._peak, float(np.abs(block).max()))
        self._peak = max(self._peak, _interpolated_peak(signal, self._peak))
        self._history = signal[:, signal.shape[-1] - (_TAPS - 1) :].copy()


def rms_per_second(blocks: Iterable[Signal], sample_rate: int) -> Floats:
    """RMS (linear, over all channels) of every second of a signal given as blocks ``[C, n]``.

    Returns ``[ceil(T / sample_rate)]``; the last covers the remainder and is averaged over its own
    length.
    """
    energies, counts = [0.0], [0]
    for block in blocks:
        squares = np.asarray(block, np.float64) ** 2
        while squares.shape[-1]:
            if counts[-1] == sample_rate:
                energies.append(0.0)
                counts.append(0)
            part = squares[:, : sample_rate - counts[-1]]
            energies[-1] += float(part.mean(axis=0).sum())
            counts[-1] += part.shape[-1]
            squares = squares[:, part.shape[-1] :]
    seconds = len(counts) if counts[-1] else 0
    return np.asarray(np.sqrt(np.array(energies[:seconds]) / np.array(counts[:seconds])))


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
    """Second-order sections ``[S, 5]`` over ``[C, T]``, transposed direct form II; what is between
    two blocks stays in `state` ``[C, S, 2]``. (`scipy.signal` has this, and takes a second to
    import, which is more than most songs take to be metered.)"""
    for channel in range(signal.shape[0]):
        for n in range(signal.shape[1]):
            x = signal[channel, n]
            for s in range(sections.shape[0]):
                y = sections[s, 0] * x + state[channel, s, 0]
                state[channel, s, 0] = (
                    sections[s, 1] * x - sections[s, 3] * y + state[channel, s, 1]
                )
                state[channel, s, 1] = sections[s, 2] * x - sections[s, 4] * y
                x = y
            signal[channel, n] = x


def _lufs(mean_square: Floats | np.float64) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(-0.691 + 10 * np.log10(mean_square))


_TAPS = 12
_PHASE_0 = (
    *(0.0017089843750, 0.0109863281250, -0.0196533203125, 0.0332031250000),
    *(-0.0594482421875, 0.1373291015625, 0.9721679687500, -0.1022949218750),
    *(0.0476074218750, -0.0266113281250, 0.0148925781250, -0.0083007812500),
)
_PHASE_1 = (
    *(-0.0291748046875, 0.0292968750000, -0.0517578125000, 0.0891113281250),
    *(-0.1665039062500, 0.4650878906250, 0.7797851562500, -0.2003173828125),
    *(0.1015625000000, -0.0582275390625, 0.0330810546875, -0.0189208984375),
)
_PHASES = np.array([_PHASE_0, _PHASE_1, _PHASE_1[::-1], _PHASE_0[::-1]])
"""Annex 2's interpolator, ``[4, 12]``: phases 2 and 3 are 1 and 0 read backwards."""
_GAIN_BOUND = float(np.abs(_PHASES).sum(axis=1).max())
"""No phase can give more than this times the largest sample under its taps."""
_STRIDE = 64


def _interpolated_peak(signal: Floats, known: float) -> float:
    """Largest interpolated value in ``signal`` ``[C, history + n]`` if above `known`, else 0.

    Most of a recording is too quiet to beat the peak known so far, whatever the filter does.
    """
    padded = np.pad(signal, ((0, 0), (0, -(signal.shape[-1] - _TAPS + 1) % _STRIDE)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _STRIDE + _TAPS - 1, axis=-1)
    windows = windows[:, ::_STRIDE].reshape(-1, _STRIDE + _TAPS - 1)
    candidates = windows[np.abs(windows).max(axis=-1) * _GAIN_BOUND > known]
    best = 0.0
    for phase in _PHASES:
        total = np.zeros((len(candidates), _STRIDE))
        for tap, weight in enumerate(phase[::-1]):
            total += weight * candidates[:, tap : tap + _STRIDE]
        best = max(best, float(np.abs(total).max(initial=0.0)))
    return best
