"""Shared by all backends: the two ends of a morph, and the straight line between them."""

from __future__ import annotations

import numpy as np

from morphsep.backends.backend import Passage
from morphsep.dsp import Signal
from morphsep.tones import Tone


def crossfade(source: Signal, target: Signal, amount: Signal) -> Signal:
    """``[C, T]``; exactly the source where the amount ``[T]`` is 0, the target where it is 1."""
    return source * (1 - amount) + target * amount


def both_contexts(source: Tone, target: Tone) -> tuple[int, int]:
    """(before, after): samples that both tones need to settle."""
    (a, b), (c, d) = source.context, target.context
    return max(a, c), max(b, d)


NEAR_END = 0.01
"""Amounts closer than this to an end approach it sample by sample, not only frame by frame."""


def exact_ends(morphed: Signal, passage: Passage, *, near: float = NEAR_END) -> Signal:
    """``morphed`` faded into the source where the amount nears 0, the target where it nears 1.

    Frames see an average of the amount; this makes single samples exact. There is no kink if
    ``morphed`` is as close to an end as the amount is.
    """
    amount = passage.amount
    keep_source = np.clip(1 - amount / near, 0, 1)
    keep_target = np.clip(1 - (1 - amount) / near, 0, 1)
    for keep, end in ((keep_source, passage.source), (keep_target, passage.target)):
        if keep.any():
            morphed = np.where(keep == 1, end, morphed + keep * (end - morphed))
    return morphed
