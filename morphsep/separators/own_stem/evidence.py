"""How much of a stem there is to judge by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from morphsep.dsp import MODEL_RATE
from morphsep.separators.own_stem.alignment import Excerpt

FRAME = 2048
"""Samples over which the level is taken."""
SOUNDS = 1e-6
"""Energy of a frame that sounds, against the loudest."""
ENOUGH = 3 * MODEL_RATE
"""Samples that must sound before a level or a single channel is judged by the weighted gain: in
less, a few starts of notes that fall together with the backing's decide."""


def is_enough(excerpts: Sequence[Excerpt]) -> bool:
    """Whether the stem sounds for long enough."""
    energies: dict[int, float] = {}
    for each in excerpts:
        num_frames = each.stem.shape[-1] // FRAME
        frames = each.stem[:, : num_frames * FRAME].astype(np.float64) ** 2
        levels = frames.sum(axis=0).reshape(num_frames, FRAME).sum(axis=1)
        first = round(each.start / FRAME)  # excerpts of a short stem lie over one another
        energies.update((first + index, float(level)) for index, level in enumerate(levels))
    loudest = max(energies.values(), default=0.0)
    return FRAME * sum(level > SOUNDS * loudest for level in energies.values()) >= ENOUGH
