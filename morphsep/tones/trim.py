"""Keeps a track's loudness: one trim for each tone and track, measured once on its stem.

Built-in tones are calibrated on one guitar (jobs/calibrate_tones.py); a brighter or darker one
would still come out louder or softer through the same drive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from morphsep.dsp import MODEL_RATE, LoudnessMeter, Signal, Span, excerpt_spans, from_db
from morphsep.tones.chain.chain import EffectChain
from morphsep.tones.tone import Tone
from morphsep.tones.traits import ToneTraits

SECONDS = 5.0
"""Length of each excerpt on which loudness is compared."""
WHOLE = 20 * MODEL_RATE
"""Samples of a stem that is compared as a whole: a drive raises what decays, which excerpts around
the loudest moments leave out."""
MOST_DB = 15.0


@dataclass(frozen=True, slots=True)
class Trimmed:
    """Any tone with a gain after it."""

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

    @property
    def reference(self) -> Any:
        """The tone's own (`ToneTraits`)."""
        return ToneTraits.of(self.tone).reference

    @property
    def same_notes(self) -> bool:
        """The tone's own (`ToneTraits`)."""
        return ToneTraits.of(self.tone).same_notes

    @property
    def tail(self) -> int:
        """The tone's own (`ToneTraits`)."""
        return ToneTraits.of(self.tone).tail

    def fingerprint(self) -> str:
        return f"{self.tone.fingerprint()} {self.trim_db} dB"

    def render(self, stem: Signal, start: int, level: float) -> Signal:
        return self.tone.render(stem, start, level) * np.float32(from_db(self.trim_db))


def trimmed(tone: Tone, trim_db: float) -> Tone:
    """`tone` with `trim_db` of gain after it; an effect chain stays one."""
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
    """Gain in dB that restores the stem's loudness after `tone`; 0 for a silent stem.

    Args:
        read: ``read(start, n)`` gives the stem ``[C, n]`` at 44.1 kHz.
        num_samples: its length.
        rms_per_second: linear RMS of each of its seconds.
        level: its integrated loudness, LUFS.
    """
    if isinstance(tone, EffectChain) and not tone.pedals:
        return 0.0  # nothing is played
    before, after = tone.context
    dry = wet = None
    for span in _spans(num_samples, rms_per_second):
        start = span.start - before
        stem = read(start, span.stop + after - start)
        core = slice(before, before + span.num_samples)
        if dry is None or wet is None:
            dry = LoudnessMeter(MODEL_RATE, stem.shape[0])
            wet = LoudnessMeter(MODEL_RATE, stem.shape[0])
        dry.add(stem[:, core])
        wet.add(tone.render(stem, start, level)[:, core])
    if dry is None or wet is None:
        return 0.0
    gain_db = dry.integrated_at_any_level() - wet.integrated_at_any_level()
    return float(np.clip(gain_db, -MOST_DB, MOST_DB)) if np.isfinite(gain_db) else 0.0


def _spans(num_samples: int, rms_per_second: Sequence[float]) -> list[Span]:
    if num_samples <= WHOLE and any(rms_per_second):
        return [Span(0, num_samples)]
    return excerpt_spans(num_samples, rms_per_second, seconds=SECONDS)
