"""Gates: what is measured of dry and wet, and why a row is left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, LoudnessMeter, Signal

Reason = Literal["non_finite", "silent", "gain", "lag", "clipped"]
REASONS: dict[Reason, str] = {
    "non_finite": "wet holds NaN or infinity",
    "silent": "dry or wet is silent, or softer than -70 LUFS",
    "gain": "wet would need more gain than the recipe's most_gain_db to be as loud as dry",
    "lag": "wet is more than 1 ms late or early against dry",
    "clipped": "dry, wet, backing or mix would pass full scale",
}
"""Why rows are left out, in the order in which it is looked at."""
SILENT_LUFS = -70.0
LAG_REACH = 2048
"""Samples to either side in which a lag is looked for."""
MOST_LAG = MODEL_RATE // 1000
"""Samples; an amplifier's own filters delay by some eight."""
LAG_SPAN = MODEL_RATE
"""Samples in which it is measured: those where dry is loudest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What was measured of a row's sound."""

    dry_gain_db: float
    wet_gain_db: float
    dry_lufs: float
    wet_lufs: float
    """After the gains."""
    lag: int
    """Samples at 44.1 kHz."""
    reason: Reason | None
    """Why it is left out, if it is."""
    peak: float = math.nan
    """Of the sounds that would be written, whichever is largest; linear."""

    @property
    def has_gains(self) -> bool:
        return math.isfinite(self.wet_gain_db)

    def of(self, sounds: Iterable[Signal]) -> Quality:
        """The same with the peak of a row's sounds, each as it would be written: every gain and
        every change of rate moves it."""
        peak = max(float(np.abs(sound).max(initial=0.0)) for sound in sounds)
        return replace(self, peak=peak, reason=self.reason or ("clipped" if peak >= 1 else None))


@dataclass(frozen=True, kw_only=True, eq=False)
class Dry:
    """A dry clip, measured once for all that is made of it."""

    sound: Signal
    """``[C, T]`` at 44.1 kHz."""

    @cached_property
    def lufs(self) -> float:
        return lufs(self.sound)

    def lag_of(self, wet: Signal) -> int:
        """Samples at 44.1 kHz by which wet is late, whatever filters lie between them."""
        curve = np.abs(self._correlator(wet[:, self._loudest]))
        return int(curve.argmax()) - LAG_REACH

    @cached_property
    def _loudest(self) -> slice:
        """Where its lag is measured."""
        start = _loudest(self.sound, LAG_SPAN)
        return slice(start, start + LAG_SPAN)

    @cached_property
    def _correlator(self) -> Callable[[Signal], npt.NDArray[np.complex128]]:
        from morphsep.tones.recordings import Correlator

        seen = self.sound[:, self._loudest]
        return Correlator(seen[:, LAG_REACH:-LAG_REACH], seen.shape[1])


def measure(dry: Dry, wet: Signal, *, loudness: float | None, most_gain: float) -> Quality:
    """Gains that make wet as loud as dry, and whether the row is any good but for its peak.

    Args:
        wet: ``[C, T]`` at 44.1 kHz.
        loudness: what both are brought to, LUFS; None: dry stays as it is.
        most_gain: dB by which wet may be raised or lowered.
    """
    if not np.isfinite(wet).all():
        return _left_out("non_finite")
    levels = dry.lufs, lufs(wet)
    if min(levels) < SILENT_LUFS:
        return _left_out("silent")
    dry_gain = 0.0 if loudness is None else loudness - levels[0]
    wet_gain = levels[0] + dry_gain - levels[1]
    lag = dry.lag_of(wet)
    reason: Reason | None = None
    if abs(levels[0] - levels[1]) > most_gain:
        reason = "gain"
    elif abs(lag) > MOST_LAG:
        reason = "lag"
    return Quality(
        dry_gain_db=dry_gain, wet_gain_db=wet_gain, dry_lufs=levels[0] + dry_gain,
        wet_lufs=levels[1] + wet_gain, lag=lag, reason=reason,
    )  # fmt: skip


def _left_out(reason: Reason) -> Quality:
    nothing = math.nan
    return Quality(
        dry_gain_db=nothing, wet_gain_db=nothing, dry_lufs=nothing, wet_lufs=nothing, lag=0,
        reason=reason,
    )  # fmt: skip


def lufs(sound: Signal) -> float:
    """Integrated loudness of ``[C, T]`` at 44.1 kHz, BS.1770-4."""
    meter = LoudnessMeter(MODEL_RATE, sound.shape[0])
    meter.add(sound)
    return meter.integrated()


def _loudest(sound: Signal, length: int) -> int:
    """Where the span of this length begins that has most energy, to a tenth of a second; a clip
    without a whole such span begins it at once."""
    hop = MODEL_RATE // 10
    starts = np.arange(0, sound.shape[1], hop)
    squares = np.einsum("ct,ct->t", sound, sound, dtype=np.float64)
    energy = np.concatenate([[0.0], np.cumsum(np.add.reduceat(squares, starts))])
    hops = length // hop
    possible = max((sound.shape[1] - length) // hop + 1, 1)
    return int((energy[hops:] - energy[:-hops])[:possible].argmax()) * hop
