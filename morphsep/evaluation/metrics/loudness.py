"""Loudness: a sequence brought to one level before anything is measured, and what is left over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from morphsep.dsp import LoudnessMeter, Signal, from_db
from morphsep.errors import SettingError
from morphsep.evaluation.metrics.floats import Floats

LUFS = -23.0
"""EBU R 128's programme loudness."""
RANGE_LU = 40.0
"""LU below the loudest block of either end under which a block is not compared."""


def match_loudness(
    sounds: Sequence[Signal], sample_rate: int, lufs: float = LUFS
) -> tuple[Signal, ...]:
    """Each sound ``[C, T]`` by one gain at the same integrated loudness in LUFS (ITU-R BS.1770-4,
    one or two channels). Silence stays silence. Applied once to a sequence (with its truth), before
    all other metrics: a difference of level would count in most of them.

    Raises:
        SettingError: the sounds differ in shape, are empty, or hold samples that are no numbers.
    """
    shapes = {sound.shape for sound in sounds}
    if len(shapes) > 1:
        raise SettingError(f"The sounds of a sequence are of one shape, not of {sorted(shapes)}.")
    if any(not sound.size or not np.isfinite(sound).all() for sound in sounds):
        raise SettingError("A sound is empty, or holds samples that are no numbers.")
    return tuple(_at_loudness(sound, sample_rate, lufs) for sound in sounds)


def loudness_wobble(
    morphed: Signal, source: Signal, target: Signal, amount: float, sample_rate: int
) -> float:
    """Standard deviation over time, in dB, of a morph's momentary loudness (EBU Tech 3341: 400 ms,
    every 100 ms) against the straight line in dB between that of both ends at the same moment; all
    ``[C, T]``. 0: louder and softer with the ends. Our own.

    Blocks in which an end is more than ``RANGE_LU`` below the loudest of both do not count; NaN if
    fewer than two do. A morph that is softer than that, or silent, counts as just that soft.
    """
    here, start, end = (_momentary(each, sample_rate) for each in (morphed, source, target))
    floor = max(start.max(), end.max()) - RANGE_LU
    counted = np.minimum(start, end) > floor
    if counted.sum() < 2:
        return float("nan")
    line = (1 - amount) * start[counted] + amount * end[counted]
    return float(np.std(np.maximum(here, floor)[counted] - line))


def _at_loudness(sound: Signal, sample_rate: int, lufs: float) -> Signal:
    loudness = _meter(sound, sample_rate).integrated()
    if not np.isfinite(loudness):
        return sound
    matched: Signal = sound * np.float32(from_db(lufs - loudness))
    return matched


def _momentary(sound: Signal, sample_rate: int) -> Floats:
    return _meter(sound, sample_rate).momentary()


def _meter(sound: Signal, sample_rate: int) -> LoudnessMeter:
    meter = LoudnessMeter(sample_rate, sound.shape[0])
    meter.add(sound)
    return meter
