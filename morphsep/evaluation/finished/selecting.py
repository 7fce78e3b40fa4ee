"""Where a finished track is listened to: excerpts within chunks, its seams, and as many places that
are none."""

from __future__ import annotations

from collections.abc import Sequence
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
    """As long as the seams, in the middle of chunks."""


def finished(row: TrackRow, chunks: Sequence[ChunkRow]) -> Finished:
    """A track with what its chunks' rows tell."""
    morphed = [chunk for chunk in chunks if chunk.status == "morphed"]
    seams = [
        (Span(after.start, before.start + before.num_samples), after)
        for before, after in pairwise(chunks)
        if "morphed" in (before.status, after.status)
    ]
    length = samples(SECONDS)
    chosen = _spread([each for each in seams if each[0].num_samples > 0], SEAMS)
    return Finished(
        row=row,
        excerpts=tuple(_middle(chunk, length) for chunk in _spread(_heard(morphed), EXCERPTS)),
        seams=tuple(seam for seam, _ in chosen),
        elsewhere=tuple(
            _middle(chunk, seam.num_samples)
            for seam, chunk in chosen
            if chunk.status == "morphed" and chunk.num_samples > 4 * seam.num_samples + MODEL_RATE
        ),
    )


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
