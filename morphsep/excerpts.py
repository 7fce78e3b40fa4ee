"""Places that stand for a whole stem, where its energy is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from morphsep.grid import Span, samples
from morphsep.signal import MODEL_RATE, Seconds, Signal


def places(
    num_samples: int,
    rms_per_second: Sequence[float] | Signal,
    *,
    num_places: int = 4,
    seconds: Seconds = 2.5,
) -> list[Span]:
    """Where excerpts of a stem lie, each in the middle of an equal share of its energy.

    One place is not the song: measured on 5 s of the demo song's riff, the morphs of its whole
    guitar came out up to 0.15 off in mel position, on four places 0.02.

    Args:
        num_samples: the stem's length at 44.1 kHz.
        rms_per_second: linear RMS of each second of the stem.

    Returns:
        Spans in order of time; the whole stem once if it is shorter, nothing if it is silent.
    """
    energy = np.cumsum(np.asarray(rms_per_second, np.float64) ** 2)
    if not energy.size or energy[-1] == 0:
        return []
    shares = (np.arange(num_places) + 0.5) / num_places * energy[-1]
    centres = np.interp(shares, [0.0, *energy], np.arange(energy.size + 1)) * MODEL_RATE
    length = min(samples(seconds), num_samples)
    starts = np.clip(np.rint(centres).astype(int) - length // 2, 0, num_samples - length)
    return [Span(start, start + length) for start in sorted(set(starts.tolist()))]


def excerpts(
    read: Callable[[int, int], Signal], num_samples: int, rms_per_second: Sequence[float] | Signal
) -> list[tuple[Signal, int]]:
    """(``[C, T]``, first sample) of the stem at its `places`.

    Args:
        read: ``read(start, n)`` -> ``[C, n]`` of the stem at 44.1 kHz.
    """
    found = places(num_samples, rms_per_second)
    return [(read(place.start, place.num_samples), place.start) for place in found]
