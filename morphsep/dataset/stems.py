"""A stem in the channels of a data set."""

from __future__ import annotations

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal
from morphsep.morphing import Read, StemFacts
from morphsep.tones import Stem

BLOCK = 5 * MODEL_RATE
"""Samples that are read at a time."""
BLOCKS = 12
"""How many are kept: what most tones need around a clip."""


def as_channels(read: Read, channels: int) -> Read:
    """Reads the same in one channel, the mean of all, or in two, of which both may be one."""

    def converted(start: int, num_samples: int) -> Signal:
        sound = read(start, num_samples)
        if channels == 1:
            return np.asarray(sound.mean(axis=0, keepdims=True), np.float32)
        return np.repeat(sound, 2, axis=0) if len(sound) == 1 else sound

    return converted


def view(
    read: Read, facts: StemFacts, num_samples: int, num_channels: int, channels: int
) -> tuple[Stem, StemFacts]:
    """A stem of `num_channels` as tones see it in `channels`, and what is measured of it so.

    Args:
        facts: what was measured of it as it is.
    """
    if channels != num_channels:
        read = as_channels(read, channels)
        facts = StemFacts.of(read, num_samples, channels)
    recent = Recent(read, channels)
    return facts.stem(recent, num_samples, channels), facts


class Recent:
    """Reads the same, but each part of it once, while the passages that are asked for overlap: a
    clip is read anew for each of its variants, with as much around it as that one needs."""

    def __init__(self, read: Read, channels: int) -> None:
        self._read, self._channels = read, channels
        self._blocks: dict[int, Signal] = {}

    def __call__(self, start: int, num_samples: int) -> Signal:
        """``[C, num_samples]`` from sample `start` on."""
        sound = np.empty((self._channels, num_samples), np.float32)
        stop = start + num_samples
        for number in range(start // BLOCK, -(-stop // BLOCK)):
            first = number * BLOCK
            a, b = max(start, first), min(stop, first + BLOCK)
            sound[:, a - start : b - start] = self._block(number)[:, a - first : b - first]
        return sound

    def _block(self, number: int) -> Signal:
        if number not in self._blocks:
            while len(self._blocks) >= BLOCKS:
                del self._blocks[min(self._blocks)]  # clips only go forward
            self._blocks[number] = self._read(number * BLOCK, BLOCK)
        return self._blocks[number]
