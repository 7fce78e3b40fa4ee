"""Streaming meters: loudness, peak and true peak of a signal that never has to be in memory.

Sources: Recommendation ITU-R BS.1770-4 (annex 1: loudness; annex 2: true peak).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from morphsep.dsp.gating import Bins, Floats, KWeighting, gated, gated_at_any_level, lufs
from morphsep.dsp.signal import Signal

if TYPE_CHECKING:
    from collections.abc import Iterable


class LoudnessMeter:
    """Integrated loudness in LUFS and sample peak of all blocks added, whatever their lengths.

    Keeps one number per 100 ms and channel (0.6 MB for two hours of stereo). One or two channels,
    weighted 1.0 each.
    """

    def __init__(self, sample_rate: int, num_channels: int) -> None:
        self.peak = 0.0
        """Largest absolute sample so far, linear (1.0 = 0 dBFS)."""
        self._weighted = KWeighting(sample_rate, num_channels)
        self._bins = Bins(sample_rate, num_channels)

    def add(self, block: Signal) -> None:
        """The next samples, ``[C, n]``, n >= 0."""
        if block.shape[-1]:
            self.peak = max(self.peak, float(np.abs(block).max()))
            self._bins.add(self._weighted(block) ** 2)

    def integrated(self) -> float:
        """Gated loudness in LUFS of everything so far; -inf for silence. A signal shorter than
        400 ms is measured as one block of its own length."""
        return gated(self._mean_squares())

    def integrated_at_any_level(self) -> float:
        """The same where some 400 ms reach -40 LUFS; what is softer is measured like what is loud,
        however far below BS.1770's absolute gate of -70 LUFS; -inf for digital silence only."""
        return gated_at_any_level(self._mean_squares())

    def momentary(self) -> Floats:
        """Loudness in LUFS of every gating block of 400 ms, one every 100 ms, ungated (EBU Tech
        3341's momentary loudness): ``[blocks]``, -inf for digital silence."""
        return lufs(self._mean_squares())

    def _mean_squares(self) -> Floats:
        """Of every gating block, summed over the channels."""
        return self._bins.block_means(self._bins.sums().sum(axis=0))


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
    size = signal.shape[-1] - _TAPS + 1
    padded = np.pad(signal, ((0, 0), (0, -size % _STRIDE)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _STRIDE + _TAPS - 1, axis=-1)
    windows = windows[:, ::_STRIDE]
    per_channel = windows.shape[1]
    windows = windows.reshape(-1, _STRIDE + _TAPS - 1)
    loud = np.flatnonzero(np.abs(windows).max(axis=-1) * _GAIN_BOUND > known)
    candidates, is_last = windows[loud], loud % per_channel == per_channel - 1
    # behind these the padding begins, which is no silence: the signal goes on in the next block
    kept = size - (per_channel - 1) * _STRIDE
    best = 0.0
    for phase in _PHASES:
        total = np.zeros((len(candidates), _STRIDE))
        for tap, weight in enumerate(phase[::-1]):
            total += weight * candidates[:, tap : tap + _STRIDE]
        total[is_last, kept:] = 0.0
        best = max(best, float(np.abs(total).max(initial=0.0)))
    return best
