"""What is put into the files: sound that tells where in it one is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from morphsep.dsp import Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of sound, made again from these numbers whenever it is needed."""

    seed: int
    num_samples: int
    sample_rate: int
    num_channels: int

    @property
    def seconds(self) -> float:
        return self.num_samples / self.sample_rate


def sound(part: Part) -> Signal:
    """Gliding tones and a little noise, ``[C, T]``, peak below 0.6: no two places are alike."""
    rng = np.random.default_rng(part.seed)
    time = np.arange(part.num_samples) / part.sample_rate
    out = np.zeros((part.num_channels, part.num_samples))
    for channel in out:
        for _ in range(3):
            pitch, glide = rng.uniform(100, 900), rng.uniform(-300, 300)
            phase = 2 * np.pi * (pitch * time + glide * time**2 / 2)
            channel += 0.15 * np.sin(phase + rng.uniform(0, 6))
        channel += 0.01 * rng.standard_normal(time.size)
    return np.asarray(out, np.float32)


def whole(parts: tuple[Part, ...]) -> Signal:
    """All parts, one after another, ``[C, T]``."""
    return np.concatenate([sound(part) for part in parts], axis=1)
