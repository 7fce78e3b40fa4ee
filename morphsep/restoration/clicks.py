"""Where the clicks of a recording are: `grooveclean`'s detector (MIT, its weights in its wheel).

A small network looks at the sound at 44.1 kHz; what it finds is trimmed to the samples that are
impulsive at the recording's own rate. It runs on the CPU: on another device a probability beside a
threshold may fall on its other side.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Reader, samples
from morphsep.errors import SettingError

if TYPE_CHECKING:
    from grooveclean.detect import Detector

FLANK_MS = 0.15
"""By so much the places are widened: their edges are where the detector's gate falls, and a click
rings on below that (+4 dB of SNR in `jobs.bench.restore`)."""
BLOCK, CONTEXT = 10, 1
"""Seconds that are looked at together, on a grid from the recording's sample 0, and what is seen on
each side of them."""

Integers = npt.NDArray[np.int64]
Spans = tuple[int, Integers, Integers]
"""A channel; where clicks start; where they end."""


def detector_version() -> str:
    """Raises SettingError where the library is not installed."""
    try:
        return version("grooveclean")
    except PackageNotFoundError as error:
        raise SettingError(
            "`declick` needs the library grooveclean; install it with "
            "`pip install 'morphsep[restore]'`, or leave `declick` out of the steps"
        ) from error


def clicks(recording: Reader, sensitivity: float) -> Iterator[Spans]:
    """Clicks of each block and channel, in order of time within a channel.

    Clicks of one channel do not overlap; each is reported with the block in which it starts.
    """
    info = recording.info
    stopped = np.zeros(info.num_channels, np.int64)
    block = BLOCK * info.sample_rate
    for start in range(0, info.num_samples, block):
        stop = min(start + block, info.num_samples)
        for channel, (starts, ends) in enumerate(_found(recording, start, sensitivity)):
            starts = np.maximum(starts, stopped[channel])
            own = (starts >= start) & (starts < stop) & (ends > starts)
            if own.any():
                stopped[channel] = ends[own][-1]
                yield channel, starts[own], ends[own]


def _found(recording: Reader, start: int, sensitivity: float) -> list[tuple[Integers, Integers]]:
    """Clicks in a block and its context, for each channel."""
    import torch
    from grooveclean import detect

    rate, seen_from = recording.info.sample_rate, start - CONTEXT * recording.info.sample_rate
    seconds = min(BLOCK, -(-(recording.info.num_samples - start) // rate))
    sound = _with_edges(recording, seen_from, (seconds + 2 * CONTEXT) * rate)
    if not sound.any():
        return []
    detector = _detector()
    calibration = detector.calibration
    enter, leave, gate = detect.thresholds(sensitivity, calibration.hi, calibration.lo)
    probable = detector.probabilities(torch.from_numpy(sound), rate).numpy()
    spans = []
    for channel, probabilities in zip(sound, probable, strict=True):
        active = detect.active_mask(channel, rate, gate)
        starts, ends, _ = detect.spans(probabilities, active, rate, enter, leave)
        flank = samples(FLANK_MS / 1000, rate)
        starts = np.maximum(starts + seen_from - flank, 0)
        ends = np.minimum(ends + seen_from + flank, recording.info.num_samples)
        spans.append(detect.merge_spans(starts, ends)[:2])
    return spans


def _with_edges(recording: Reader, start: int, length: int) -> npt.NDArray[np.float64]:
    """``[C, length]``; beyond its ends the recording goes on with its slope: an edge to silence
    would be taken for a click."""
    from grooveclean.io import pad_odd

    first, last = max(start, 0), min(start + length, recording.info.num_samples)
    body = recording.read(first, last - first).astype(np.float64)
    padded = pad_odd(body.T, first - start, start + length - last)
    return np.ascontiguousarray(padded.T)


@lru_cache(maxsize=1)
def _detector() -> Detector:
    from grooveclean.detect import Detector

    return Detector.load(device="cpu")
