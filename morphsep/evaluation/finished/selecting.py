"""Where a finished track is listened to: excerpts within chunks, its seams, and for each seam a
place that is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np

from morphsep.dsp import MODEL_RATE, Span, samples
from morphsep.manifest import ChunkRow, TrackRow

EXCERPTS = 4
"""Most of a track."""
SECONDS = 4.0
"""Of each; shorter than the shortest chunk without its overlaps."""
SEAMS = 16
"""Most of a track."""
FLANK = MODEL_RATE // 2
"""Samples on both sides of a seam that its score compares it with."""
BELOW_LOUDEST = 20.0
"""dB under the loudest chunk's stem, below which a chunk is no excerpt while there are others."""
INNER = (0.02, 0.98)
"""Amounts between which a sound is an in-between."""

_Chosen = TypeVar("_Chosen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A finished track on its way to a worker. Spans are in samples at 44.1 kHz."""

    row: TrackRow
    excerpts: tuple[Span, ...]
    seams: tuple[Span, ...]
    elsewhere: tuple[Span, ...]
    """For each seam a place as long within a chunk beside it, none of them twice."""


def finished(row: TrackRow, chunks: Sequence[ChunkRow]) -> Finished:
    """A track with what its chunks' rows tell."""
    morphed = [chunk for chunk in chunks if chunk.status == "morphed"]
    length = samples(SECONDS)
    pairs = _spread([pair for two in pairwise(chunks) for pair in _compared(*two)], SEAMS)
    return Finished(
        row=row,
        excerpts=tuple(_middle(chunk, length) for chunk in _spread(_heard(morphed), EXCERPTS)),
        seams=tuple(seam for seam, _ in pairs),
        elsewhere=tuple(place for _, place in pairs),
    )


def _compared(before: ChunkRow, after: ChunkRow) -> Iterator[tuple[Span, Span]]:
    """The seam of two chunks, and a place in either that was morphed; nothing if neither was, or
    what was is too short to have a place whose flanks reach no seam."""
    seam = Span(after.start, before.start + before.num_samples)
    # thirds that differ: a chunk may serve both of its seams
    for chunk, third in ((after, 1), (before, 2)):
        start = chunk.start + third * chunk.num_samples // 3 - seam.num_samples // 2
        place = Span(start, start + seam.num_samples)
        room = chunk.num_samples // 3 - seam.num_samples // 2 - FLANK
        if chunk.status == "morphed" and room > seam.num_samples > 0:
            yield seam, place
            return


def _heard(morphed: Sequence[ChunkRow]) -> list[ChunkRow]:
    """Those in which the guitar plays; of these, in-betweens if there are any."""
    loudest = max((chunk.stem_dbfs for chunk in morphed), default=0.0)
    loud = [chunk for chunk in morphed if chunk.stem_dbfs >= loudest - BELOW_LOUDEST]
    inner = [chunk for chunk in loud if INNER[0] < chunk.amount_mean < INNER[1]]
    return inner or loud


def _spread(each: Sequence[_Chosen], most: int) -> list[_Chosen]:
    """Not more than so many, evenly over all."""
    if len(each) <= most:
        return list(each)
    return [each[place] for place in np.linspace(0, len(each) - 1, most).round().astype(int)]


def _middle(chunk: ChunkRow, length: int) -> Span:
    length = min(length, chunk.num_samples)
    start = chunk.start + (chunk.num_samples - length) // 2
    return Span(start, start + length)
