"""Keeping a track's loudness: one trim for each tone and track, measured once on its stem.

Built-in tones are calibrated on one guitar (jobs/calibrate_tones.py); a brighter or darker one
would still come out louder or softer through the same drive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from morphsep.metrics.loudness import LoudnessMeter
from morphsep.signal import MODEL_RATE, Signal, from_db
from morphsep.tones import Tone
from morphsep.tones.chain import EffectChain

EXCERPT = 5 * MODEL_RATE
PLACES = (0.2, 0.4, 0.6, 0.8)
"""Where in the stem, as shares of its energy, the excerpts lie that loudness is compared on."""
MOST_DB = 15.0


@dataclass(frozen=True, slots=True)
class Trimmed:
    """Any tone with a gain behind it."""

    tone: Tone
    trim_db: float

    @property
    def name(self) -> str:
        return self.tone.name

    @property
    def description(self) -> str:
        return self.tone.description

    @property
    def context(self) -> tuple[int, int]:
        return self.tone.context

    def fingerprint(self) -> str:
        return f"{self.tone.fingerprint()} {self.trim_db} dB"

    def render(self, stem: Signal, start: int, level: float) -> Signal:
        return self.tone.render(stem, start, level) * np.float32(from_db(self.trim_db))


def trimmed(tone: Tone, trim_db: float) -> Tone:
    """`tone` with `trim_db` of gain behind it; an effect chain stays one."""
    if trim_db == 0.0:
        return tone
    if isinstance(tone, EffectChain):
        return replace(tone, trim_db=tone.trim_db + trim_db)
    return Trimmed(tone, trim_db)


def measure_trim(
    tone: Tone,
    read: Callable[[int, int], Signal],
    num_samples: int,
    rms_per_second: Sequence[float],
    level: float,
) -> float:
    """Gain in dB that gives the stem its loudness back after `tone`; 0 for a silent stem.

    Args:
        read: ``read(start, n)`` gives the stem ``[C, n]`` at 44.1 kHz.
        num_samples: its length.
        rms_per_second: linear RMS of each of its seconds.
        level: its integrated loudness, LUFS.
    """
    before, after = tone.context
    dry = wet = None
    for start in _places(num_samples, rms_per_second):
        length = min(EXCERPT, num_samples - start)
        stem = read(start - before, before + length + after)
        core = slice(before, before + length)
        if dry is None or wet is None:
            dry = LoudnessMeter(MODEL_RATE, stem.shape[0])
            wet = LoudnessMeter(MODEL_RATE, stem.shape[0])
        dry.add(stem[:, core])
        wet.add(tone.render(stem, start - before, level)[:, core])
    if dry is None or wet is None:
        return 0.0
    change = dry.integrated() - wet.integrated()
    return float(np.clip(change, -MOST_DB, MOST_DB)) if np.isfinite(change) else 0.0


def _places(num_samples: int, rms_per_second: Sequence[float]) -> list[int]:
    """First samples of the excerpts, in order; the same place is taken once."""
    energy = np.cumsum(np.asarray(rms_per_second, np.float64) ** 2)
    if energy.size == 0 or energy[-1] == 0:
        return []
    last = max(num_samples - EXCERPT, 0)
    seconds = np.searchsorted(energy, energy[-1] * np.array(PLACES))
    starts = np.clip(seconds * MODEL_RATE - EXCERPT // 2, 0, last)
    return sorted({int(start) for start in starts})
