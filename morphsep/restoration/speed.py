"""A recording that was transferred at a wrong speed, at its own: one ratio for all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from morphsep.dsp import ArrayInfo, GridResampler, Reader, RecordingInfo, Signal
from morphsep.errors import SettingError

SCHEMA = 1
FINEST = 1_000_000
"""Largest denominator of a ratio, so that an hour is right to 2 ms."""
LEAST, MOST = 0.25, 4.0
BLOCK_RATE = 44_100
"""The resampler's blocks have twice so many samples at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedFindings:
    """How the length changes."""

    step: ClassVar[str] = "speed"
    sample_rate: int
    num_samples: int
    """Before."""
    new_num_samples: int
    ratio: float

    def summary(self) -> str:
        """See `Findings`."""
        cents = 1200 * np.log2(self.ratio)
        before, after = (n / self.sample_rate for n in (self.num_samples, self.new_num_samples))
        return (
            f"played {self.ratio:.9g} times as fast: {cents:+.1f} cents, {before:.2f} s become "
            f"{after:.2f} s"
        )

    def to_json(self) -> dict[str, Any]:
        """See `Findings`."""
        return {
            "step": self.step, "sample_rate": self.sample_rate, "num_samples": self.num_samples,
            "new_num_samples": self.new_num_samples, "ratio": self.ratio,
        }  # fmt: skip

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> SpeedFindings:
        """What `to_json` has made."""
        return cls(**{name: stored[name] for name in stored if name != "step"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Plays a recording faster or slower, pitch and all; only where the ratio is given.

    The length changes, so that there is no difference file: samples no longer face each other.
    """

    name: ClassVar[str] = "speed"
    ratio: float
    """Above 1: faster and higher. A disc of 76.59 turns a minute that was played at 78.26:
    76.59 / 78.26."""

    def __post_init__(self) -> None:
        if not LEAST <= self.ratio <= MOST:
            raise SettingError(f"speed: a ratio of {LEAST:g} to {MOST:g}, not {self.ratio:g}")

    @property
    def fraction(self) -> Fraction:
        """The ratio that is used."""
        return Fraction(self.ratio).limit_denominator(FINEST)

    def fingerprint(self) -> str:
        """See `Step`."""
        return f"speed/{SCHEMA}:{self.fraction}"

    def look(self, recording: Reader) -> SpeedFindings:
        """See `Step`; reads nothing."""
        info = recording.info
        length = -(-info.num_samples * self.fraction.denominator // self.fraction.numerator)
        return SpeedFindings(
            sample_rate=info.sample_rate, num_samples=info.num_samples, new_num_samples=length,
            ratio=float(self.fraction),
        )  # fmt: skip

    def reader(self, recording: Reader, findings: SpeedFindings) -> Reader:
        """See `Resizing`."""
        if self.fraction == 1:
            return recording
        times = -(-BLOCK_RATE // min(self.fraction.numerator, self.fraction.denominator))
        grid = GridResampler(
            recording.read, times * self.fraction.numerator, times * self.fraction.denominator
        )
        return _Resampled(recording.info, findings.new_num_samples, grid)


class _Resampled:
    def __init__(self, before: RecordingInfo, num_samples: int, grid: GridResampler) -> None:
        self.info = ArrayInfo(
            sample_rate=before.sample_rate, num_channels=before.num_channels,
            num_samples=num_samples,
        )  # fmt: skip
        self._grid = grid

    def read(self, start: int, num_samples: int) -> Signal:
        """``[C, num_samples]``; zeros outside the result."""
        span = np.zeros((self.info.num_channels, max(num_samples, 0)), np.float32)
        first, last = max(start, 0), min(start + num_samples, self.info.num_samples)
        if last > first:
            span[:, first - start : last - start] = self._grid.read(first, last - first)
        return span
