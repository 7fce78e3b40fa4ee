"""A stem in the channels of a data set."""

from __future__ import annotations

import numpy as np

from morphsep.dsp import Signal
from morphsep.morphing import Read, StemFacts
from morphsep.tones import Stem


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
    return facts.stem(read, num_samples, channels), facts
