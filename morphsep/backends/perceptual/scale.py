"""Positions of morphs of some excerpts between both ends, at matched loudness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from morphsep.backends.backend import Passage
from morphsep.dsp import (
    MODEL_RATE,
    RANGE_DB,
    LoudnessMeter,
    Signal,
    from_db,
    mel_power,
    position_between,
)

SAME_TONE_DB = 0.1
"""Mean distance of two log-mel spectrograms in dB below which two tones sound the same."""
MOST_DB = 6.0
"""Largest gain of a warp; a larger difference is intended, or silence."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scale:
    """The ends as log-mel spectrograms and loudness, to locate any number of morphs between."""

    source: np.ndarray
    """``[C, frames, bands]`` in dB, all excerpts in a row."""
    target: np.ndarray
    reference: float
    lufs: tuple[float, float]
    """Loudness of both ends."""
    settled: Sequence[slice]
    """The part of each excerpt that counts."""

    @classmethod
    def between(
        cls, passages: Sequence[Passage], context: tuple[int, int], with_context: bool = False
    ) -> Scale:
        """Leaves out the context; for passages without context, the part that has not settled, if
        at least half of the passage has."""
        before, after = context
        lengths = [each.stem.shape[1] for each in passages]
        settled = [
            slice(before, length - after)
            if with_context or before + after < length // 2
            else slice(0, length)
            for length in lengths
        ]
        sources, targets = ([getattr(p, end) for p in passages] for end in ("source", "target"))
        powers = mel_powers(sources, settled), mel_powers(targets, settled)
        reference = max(float(power.max()) for power in powers) or 1.0
        source, target = (decibels(power, reference) for power in powers)
        lufs = loudness(sources, settled), loudness(targets, settled)
        return cls(source=source, target=target, reference=reference, lufs=lufs, settled=settled)

    @property
    def same(self) -> bool:
        return bool(np.sqrt(np.mean((self.source - self.target) ** 2)) < SAME_TONE_DB)

    def locate(self, morphed: Sequence[Signal]) -> tuple[float, float]:
        """Mel position of a morph, and the gain in dB that it needs there and has been given.

        The gain follows from the position and the position from the gain: a fixed point.
        """
        power, lufs = mel_powers(morphed, self.settled), loudness(morphed, self.settled)
        position, gain = self.position(power), 0.0
        for _ in range(3 if np.isfinite([lufs, *self.lufs]).all() else 0):
            wanted = self.lufs[0] + position * (self.lufs[1] - self.lufs[0])
            gain = float(np.clip(wanted - lufs, -MOST_DB, MOST_DB))
            position = self.position(power * from_db(gain) ** 2)
        return position, gain

    def position(self, power: np.ndarray) -> float:
        """See ``morphsep.dsp.mel_position``."""
        return position_between(decibels(power, self.reference), self.source, self.target)


def mel_powers(excerpts: Sequence[Signal], settled: Sequence[slice]) -> np.ndarray:
    """``[C, frames, bands]`` of all excerpts in a row."""
    parts = zip(excerpts, settled, strict=True)
    return np.concatenate([mel_power(excerpt[:, part]) for excerpt, part in parts], axis=1)


def decibels(power: np.ndarray, reference: float) -> np.ndarray:
    """Like ``morphsep.dsp.mel_position.log_mel``, for a given mel power."""
    floor = 10 ** (-RANGE_DB / 10)
    return np.asarray(10 * np.log10(np.maximum(power / reference, floor)))


def loudness(excerpts: Sequence[Signal], settled: Sequence[slice]) -> float:
    """LUFS of all excerpts in a row."""
    meter = LoudnessMeter(MODEL_RATE, excerpts[0].shape[0])
    for excerpt, part in zip(excerpts, settled, strict=True):
        meter.add(excerpt[:, part])
    return meter.integrated()
