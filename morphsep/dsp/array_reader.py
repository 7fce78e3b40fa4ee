"""An array that is read like a file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from morphsep.dsp.signal import Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayInfo:
    """What a file's header would say of an array."""

    sample_rate: int
    """Hz."""
    num_channels: int
    num_samples: int


class ArrayReader:
    """``[C, T]`` at `sample_rate` Hz, as `ModelRateReader` wants it. What is read is a copy."""

    def __init__(self, samples: Signal, sample_rate: int) -> None:
        self._samples = samples
        num_channels, num_samples = samples.shape
        self.info = ArrayInfo(
            sample_rate=sample_rate, num_channels=num_channels, num_samples=num_samples
        )

    def read(self, start: int, num_samples: int) -> Signal:
        """Samples ``[start, start + num_samples)`` as ``[C, num_samples]``; zeros outside."""
        span = np.zeros((self.info.num_channels, max(num_samples, 0)), np.float32)
        first, last = max(start, 0), min(start + num_samples, self.info.num_samples)
        if last > first:
            span[:, first - start : last - start] = self._samples[:, first:last]
        return span
