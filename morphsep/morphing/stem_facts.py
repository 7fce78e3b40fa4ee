"""What is measured of a whole stem before any of it is morphed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from morphsep.dsp import MODEL_RATE, LoudnessMeter, Signal, rms_per_second, sections
from morphsep.tones import Stem

BLOCK = 10 * MODEL_RATE
"""Samples that are read at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StemFacts:
    """What was measured of a whole stem."""

    lufs: float
    """Integrated loudness (BS.1770-4, its absolute gate lower where the stem is soft)."""
    peak: float
    """Largest absolute sample, linear."""
    rms_per_second: Sequence[float]
    """Linear."""

    @classmethod
    def of(
        cls, read: Callable[[int, int], Signal], num_samples: int, num_channels: int
    ) -> StemFacts:
        """Measures a stem.

        Args:
            read: ``read(start, n)`` -> ``[C, n]`` at 44.1 kHz.
        """
        loudness = LoudnessMeter(MODEL_RATE, num_channels)

        def blocks() -> Iterator[Signal]:
            for span in sections(num_samples, BLOCK):
                block = read(span.start, span.num_samples)
                loudness.add(block)
                yield block

        rms = rms_per_second(blocks(), MODEL_RATE)
        return cls(
            lufs=loudness.integrated_at_any_level(), peak=loudness.peak,
            rms_per_second=rms.tolist(),
        )  # fmt: skip

    def stem(self, read: Callable[[int, int], Signal], num_samples: int, num_channels: int) -> Stem:
        """The stem that they are of, as tones and backends see it."""
        return Stem(
            read=read, num_samples=num_samples, num_channels=num_channels,
            rms_per_second=self.rms_per_second, level=self.lufs,
        )  # fmt: skip
