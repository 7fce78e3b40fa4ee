"""What the two tones of a transition are like, for ``make evaluate``: its backends are measured
against them, so that a fault of a tone moves both and shows in no distance.

All sounds are at one loudness. Means over the clips; of a measure of one sound both ends count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal
from morphsep.evaluation.metrics import distances_to_truth
from morphsep.evaluation.sounds import load_sound, read_sounds
from morphsep.storage import Location

ENDS = "ends"
"""Stands where rows of backends have the backend."""
FRAME = 882
"""Samples of a frame (20 ms) whose level is taken."""
TINY = 1e-20

Values = Mapping[tuple[str, str], list[float]]
"""By transition and measure: a value for each clip."""


def crest(sound: Signal) -> float:
    """Peak over RMS of ``[C, T]`` in dB: what a drive takes away."""
    return _db(float(np.max(np.square(sound, dtype=np.float64))) / _power(sound))


def rest_level(sound: Signal) -> float:
    """Level of the softest twentieth of the frames of ``[C, T]`` against the whole, in dB: hiss and
    hum between notes."""
    frames = sound[:, : sound.shape[1] // FRAME * FRAME].reshape(len(sound), -1, FRAME)
    levels = np.square(frames, dtype=np.float64).mean(axis=(0, 2))
    return _db(float(np.quantile(levels, 0.05)) / _power(sound))


def brightness(sound: Signal) -> float:
    """Power of the second difference of ``[C, T]`` against the power, in dB: treble, hiss."""
    return _db(_power(np.diff(sound, 2)) / _power(sound))


def click_level(sound: Signal) -> float:
    """Largest second difference of ``[C, T]`` over its RMS, in dB: a click stands out of it."""
    return crest(np.diff(sound, 2))


OF_ONE: Mapping[str, Callable[[Signal], float]] = {
    "end_crest": crest,
    "end_rest_level": rest_level,
    "end_brightness": brightness,
    "end_click_level": click_level,
}
DISTANCE = "ends_distance"


def measure_ends(folder: Location) -> Values:
    """Of the sounds that an evaluation wrote; dB each.

    Raises:
        SettingError: a sound cannot be read.
    """
    found = defaultdict[tuple[str, str], list[float]](list)
    for transition, a, b in _pairs(folder):
        distance = distances_to_truth([a], [b], MODEL_RATE)
        found[transition, DISTANCE].append(float(distance[0, 0]))
        for name, of_one in OF_ONE.items():
            found[transition, name].append((of_one(a) + of_one(b)) / 2)
    return found


def _pairs(folder: Location) -> Iterator[tuple[str, Signal, Signal]]:
    """Transition and both ends of each clip."""
    sounds = read_sounds(folder)
    targets = {sound.item: sound for sound in sounds if sound.role == "b"}
    for sound in sounds:
        if sound.role == "a":
            yield (
                sound.transition, load_sound(folder, sound),
                load_sound(folder, targets[sound.item]),
            )  # fmt: skip


def _power(sound: Signal) -> float:
    return float(np.square(sound, dtype=np.float64).mean()) + TINY


def _db(ratio: float) -> float:
    return float(10 * np.log10(ratio + TINY))
