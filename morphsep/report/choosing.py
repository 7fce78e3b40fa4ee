"""A recording of any length in a few hundred glances; and which excerpts the page plays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Reader, Seconds, Signal, mel_filters, samples
from morphsep.report.content import Restored

GLANCES = 480
"""Frames of a whole recording that are looked at: what a page is wide."""
FRAME, BANDS = 2048, 96
EXCERPT: Seconds = 4.0
MOST_EXCERPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """A span of the master that is played, and why this one."""

    start: int
    num_samples: int
    why: str


def glances(recording: Reader) -> npt.NDArray[np.floating]:
    """Mel power of single frames, spread evenly: ``[GLANCES, BANDS]``, fewer of a short sound."""
    starts = _starts(recording.info.num_samples)
    frames = np.concatenate([_mono(recording, start, FRAME) for start in starts.tolist()])
    power = np.abs(np.fft.rfft(frames * np.hanning(FRAME), axis=-1)) ** 2
    bands: npt.NDArray[np.floating] = (
        power @ mel_filters(BANDS, FRAME, recording.info.sample_rate).T
    )
    return bands


def excerpts(restored: Restored) -> list[Excerpt]:
    """Where each step changed most, and the loudest passage; none twice, in order of time."""
    info = restored.before.info
    length = min(samples(EXCERPT, info.sample_rate), info.num_samples)
    chosen: list[Excerpt] = []
    for centre, why in _candidates(restored):
        start = min(max(0, centre - length // 2), info.num_samples - length)
        if all(abs(start - other.start) >= length for other in chosen):
            chosen.append(Excerpt(start=start, num_samples=length, why=why))
    return sorted(chosen[:MOST_EXCERPTS], key=lambda excerpt: excerpt.start)


def _candidates(restored: Restored) -> Iterator[tuple[int, str]]:
    """Samples around which something is to be heard, and why; the most telling first."""
    changing = [step for step in restored.steps if step.difference is not None]
    for step in changing:
        if step.places:
            yield step.places[0].start, f"the worst repair of {step.name}"
        elif step.difference is not None and (found := _loudest(step.difference)) is not None:
            yield found, f"where {step.name} changed most"
    if (found := _loudest(restored.before)) is not None:
        yield found, "the loudest passage"
    yield restored.before.info.num_samples // 2, "the middle of the recording"
    for step in changing:
        yield from ((p.start, f"another repair of {step.name}") for p in step.places[1:20])


def _loudest(recording: Reader) -> int | None:
    """The middle of the loudest glance; None if all are silent."""
    starts = _starts(recording.info.num_samples)
    powers = [float(np.square(_mono(recording, start, FRAME)).sum()) for start in starts.tolist()]
    best = int(np.argmax(powers))
    return int(starts[best]) + FRAME // 2 if powers[best] > 0 else None


def _starts(num_samples: int) -> npt.NDArray[np.int64]:
    last = max(0, num_samples - FRAME)
    count = min(GLANCES, last // FRAME + 1)
    return np.linspace(0, last, count).astype(np.int64)


def _mono(recording: Reader, start: int, num_samples: int) -> Signal:
    """``[1, num_samples]``, zeros behind the end."""
    there = min(num_samples, recording.info.num_samples - start)
    sound = recording.read(start, there).mean(axis=0, keepdims=True)
    return np.pad(sound, ((0, 0), (0, num_samples - there)))


def markers(restored: Restored) -> Sequence[float]:
    """Where the worst repairs lie, as shares of the recording."""
    length = max(1, restored.before.info.num_samples)
    return [place.start / length for step in restored.steps for place in step.places]
