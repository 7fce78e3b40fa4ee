"""A recording as separators see it, and how what was morphed comes back to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from morphsep.dsp import ModelRateReader, Signal, to_rate

READ_BLOCK = 1 << 17
"""Samples at a time, where a whole recording is measured."""


def ignore_reading(start: int) -> None:
    """Takes no notice of what is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MixView:
    """A recording at 44.1 kHz (`morphsep.separators.Mix`)."""

    reader: ModelRateReader
    num_samples: int
    """Length at 44.1 kHz."""
    num_channels: int
    mean: float
    std: float
    stem_path: str | None = None
    on_read: Callable[[int], None] = ignore_reading
    """Told the first sample of whatever is read: how far a separator has come."""

    def read(self, start: int, num_samples: int) -> Signal:
        """``[C, num_samples]`` at 44.1 kHz; zeros outside the track."""
        self.on_read(start)
        return self.reader.read(start, num_samples)


def put_back(
    mix: npt.NDArray[Any], start: int, delta: Callable[[int, int], Signal], sample_rate: int
) -> npt.NDArray[Any]:
    """The mix ``[C, n]`` at its own rate with what morphing changed.

    Args:
        start: the track's sample, at its own rate, of ``mix[:, 0]``.
        delta: ``delta(start, n)`` -> ``[C, n]`` at 44.1 kHz.
    """
    return np.asarray(mix + to_rate(delta, start, mix.shape[-1], sample_rate))
