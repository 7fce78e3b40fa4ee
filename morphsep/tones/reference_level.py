"""The loudness at which pedals and captures receive every guitar, however it was recorded."""

from __future__ import annotations

import math

from morphsep.dsp import from_db

REFERENCE_LUFS = -18.0
"""Of two channels."""


def to_reference(level: float, channels: int) -> float:
    """Gain from the recorded loudness in LUFS to the reference; 1 where nothing was recorded.

    BS.1770 adds the channels' powers: one signal in two channels is 3 dB louder than in one, and
    has to meet the drive at the same level.
    """
    if not math.isfinite(level):
        return 1.0
    return from_db(REFERENCE_LUFS - level) * math.sqrt(channels / 2)
