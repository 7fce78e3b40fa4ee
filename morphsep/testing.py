"""For the tests of separators, ours and yours: a track that is an array."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from morphsep.signal import Signal


@dataclass(frozen=True)
class ArrayMix:
    """``[C, T]`` at 44.1 kHz as separators see a track (`morphsep.separators.Mix`)."""

    samples: Signal
    stem_path: str | None = None
    asked: list[int] = field(default_factory=list)
    """How many samples each ``read`` asked for: a separator must not ask for a whole track."""

    @property
    def num_samples(self) -> int:
        return int(self.samples.shape[1])

    @property
    def num_channels(self) -> int:
        return int(self.samples.shape[0])

    @property
    def mean(self) -> float:
        return float(self.samples.mean(axis=0, dtype=np.float64).mean())

    @property
    def std(self) -> float:
        if self.num_samples < 2:
            return 0.0
        return float(self.samples.mean(axis=0, dtype=np.float64).std(ddof=1))

    def read(self, start: int, num_samples: int) -> Signal:
        """``[C, num_samples]``; zeros outside the track."""
        self.asked.append(num_samples)
        span = np.zeros((self.num_channels, num_samples), np.float32)
        first, last = max(start, 0), min(start + num_samples, self.num_samples)
        if last > first:
            span[:, first - start : last - start] = self.samples[:, first:last]
        return span
