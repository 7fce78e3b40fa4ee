"""A stereo transfer of a mono disc: two channels, one sound."""

from __future__ import annotations

import numpy as np

from morphsep.access.sounds import Sound

PIECES = 60
"""Of a second each, spread over a recording: enough to tell."""
ALIKE = 0.98
"""Correlation from which on two channels count as one sound: each hears crackle of its own."""


def note_of_channels(sound: Sound) -> str:
    """A sentence where both channels hold one sound; empty where they do not."""
    info = sound.info
    if info.num_channels != 2:
        return ""
    length = min(info.sample_rate, info.num_samples)
    sums = np.zeros((2, 2))
    for start in np.linspace(0, info.num_samples - length, PIECES).round().astype(int):
        piece = sound.exact(int(start), length)
        sums += piece @ piece.T
    power = float(np.sqrt(sums[0, 0] * sums[1, 1]))
    alike = float(sums[0, 1]) / power if power else 0.0
    if alike < ALIKE:
        return ""
    return (
        f"both channels hold one sound (correlation {alike:.3f}), as in a stereo transfer of a "
        "mono disc; they stay two"
    )
