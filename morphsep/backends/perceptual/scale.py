"""What is heard of a morph of some excerpts, and how far two of them are apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from morphsep.backends.backend import Passage
from morphsep.dsp import MODEL_RATE, RANGE_DB, LoudnessMeter, Signal, from_db, mel_power


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Heard:
    """A sound as its log-mel spectrogram, and how loud it was before all were made alike."""

    mel: np.ndarray
    """``[C, frames, bands]`` in dB, all excerpts in a row."""
    lufs: float

    def distance(self, other: Heard) -> float:
        """Root mean square of the difference in dB."""
        difference = (self.mel - other.mel).ravel()
        return float(np.sqrt(np.dot(difference, difference) / difference.size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Hears morphs of the same excerpts at one loudness, against one reference."""

    settled: Sequence[slice]
    """The part of each excerpt that counts."""
    reference: float
    """Mel power of 0 dB; the floor is `RANGE_DB` below."""

    @classmethod
    def between(
        cls, passages: Sequence[Passage], context: tuple[int, int], with_context: bool = False
    ) -> tuple[Scale, Heard, Heard]:
        """The scale, and both ends. Leaves out the context; for passages without context, the part
        that has not settled, if at least half of the passage has."""
        before, after = context
        lengths = [each.stem.shape[1] for each in passages]
        settled = [
            slice(before, length - after)
            if with_context or before + after < length // 2
            else slice(0, length)
            for length in lengths
        ]
        ends = [[getattr(p, end) for p in passages] for end in ("source", "target")]
        measured = [power_and_loudness(end, settled) for end in ends]
        reference = max(float(power.max()) for power, _ in measured) or 1.0
        scale = cls(settled=settled, reference=reference)
        source, target = (scale.heard(*each) for each in measured)
        return scale, source, target

    def hear(self, morphed: Sequence[Signal]) -> Heard:
        """A morph of each excerpt, ``[C, T]`` each."""
        return self.heard(*power_and_loudness(morphed, self.settled))

    def heard(self, power: np.ndarray, lufs: float) -> Heard:
        """Of what `power_and_loudness` measures."""
        floor = 10 ** (-RANGE_DB / 10)
        return Heard(mel=10 * np.log10(np.maximum(power / self.reference, floor)), lufs=lufs)


def power_and_loudness(
    excerpts: Sequence[Signal], settled: Sequence[slice]
) -> tuple[np.ndarray, float]:
    """Mel power ``[C, frames, bands]`` at 0 LUFS (as it is where it is silent), and LUFS before, of
    all excerpts in a row."""
    parts = [excerpt[:, part] for excerpt, part in zip(excerpts, settled, strict=True)]
    meter = LoudnessMeter(MODEL_RATE, parts[0].shape[0])
    for part in parts:
        meter.add(part)
    lufs = meter.integrated_at_any_level()
    power = np.concatenate([mel_power(part) for part in parts], axis=1)
    return power * from_db(-lufs if np.isfinite(lufs) else 0.0) ** 2, lufs
