"""How sharp the attacks are, beside those of the ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from morphsep.dsp import Signal
from morphsep.evaluation.metrics.floats import Floats

STEP = 0.005
"""Seconds from one value of the level to the next."""
RISE = 0.01
"""Seconds over which a rise is taken."""
NEAR = 0.03
"""Seconds around an onset in which each sound's own largest rise counts: effects delay a little."""
LEAST_DB = 3.0
"""Smallest rise that is an onset."""
APART = 0.1
"""Seconds between two onsets."""
FLOOR_DB = 60.0
"""Below the loudest moment: level beneath which nothing is heard to rise."""


def onsets(sound: Signal, sample_rate: int) -> list[int]:
    """Where notes begin in ``[C, T]``: indices of steps of ``STEP`` seconds. The largest rises of
    the level first, none within ``APART`` of a larger one."""
    rises = _rises(sound, sample_rate)
    found: list[int] = []
    for at in np.argsort(-rises, kind="stable").tolist():
        if rises[at] < LEAST_DB:
            break
        if all(abs(at - other) * STEP >= APART for other in found):
            found.append(at)
    return sorted(found)


def attack_sharpness(sound: Signal, at: Sequence[int], sample_rate: int) -> float:
    """How steeply ``[C, T]`` rises where notes begin: dB in 10 ms, the mean over the onsets ``at``
    of the largest rise of its level within 30 ms. NaN without onsets. Our own: log attack time
    (MPEG-7) needs single notes."""
    if not at:
        return float("nan")
    rises, near = _rises(sound, sample_rate), round(NEAR / STEP)
    return float(np.mean([rises[max(i - near, 0) : i + near + 1].max() for i in at]))


def lost_sharpness(
    sequence: Sequence[Signal], amounts: Sequence[float], sample_rate: int
) -> Floats:
    """For each sound of a sequence, how far its attacks stay below the straight line between the
    sharpness of both ends: ``[N]``, dB in 10 ms; above 0: smeared. Onsets are those of the first
    sound. NaN if it has none. Our own."""
    at = onsets(sequence[0], sample_rate)
    sharpness = np.array([attack_sharpness(each, at, sample_rate) for each in sequence])
    share = np.asarray(amounts)
    return np.asarray((1 - share) * sharpness[0] + share * sharpness[-1] - sharpness)


def _rises(sound: Signal, sample_rate: int) -> Floats:
    """Rise of the level in dB over ``RISE`` before the end of each step; the first has none."""
    step, over = round(STEP * sample_rate), round(RISE / STEP)
    steps = sound.shape[-1] // step
    squares = sound[:, : steps * step].astype(np.float64) ** 2
    power = squares.reshape(sound.shape[0], steps, step).mean(axis=(0, 2))
    floor = power.max(initial=0.0) * 10 ** (-FLOOR_DB / 10)
    level = 10 * np.log10(np.maximum(power, floor or 1.0))
    return np.concatenate([np.zeros(min(over, steps)), level[over:] - level[:-over]])
