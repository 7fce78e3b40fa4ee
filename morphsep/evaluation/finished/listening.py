"""What of finished work the page plays: one excerpt of a few tracks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from morphsep import manifest
from morphsep.dsp import MODEL_RATE, Span
from morphsep.errors import MorphsepError
from morphsep.evaluation import metrics
from morphsep.evaluation.document import Block, Bullets, Clip, Heading, Players
from morphsep.evaluation.finished.measuring import Ends
from morphsep.evaluation.finished.opening import Passage, opened
from morphsep.evaluation.finished.reporting import FinishedResults
from morphsep.evaluation.finished.selecting import finished
from morphsep.evaluation.page import clips, fitting
from morphsep.evaluation.texts import Code, Text
from morphsep.manifest import ChunkRow, TrackRow
from morphsep.storage import Location

AROUND = 2 * MODEL_RATE
"""Samples on both sides of a seam that are played."""
REASONS = {
    "position_deviation": "furthest from the amount asked for",
    "seam_flux_db": "its worst seam stands out most",
    "song_louder": "its loudness changed most",
}
"""By which measures the worst track is played, and how the page says so."""


def players(out: Location, results: FinishedResults, rows: Sequence[TrackRow]) -> Iterator[Block]:
    """Four tracks at most: the worst by three measures, and the one in the middle; no more than fit
    into a page."""
    chosen: dict[str, list[str]] = {}
    for name, why in REASONS.items():
        for score in results.worst(name)[:1]:
            chosen.setdefault(score.track, []).append(why)
    ranked = results.worst("position_deviation") or results.worst("convergence_to_target")
    if ranked:
        chosen.setdefault(ranked[len(ranked) // 2].track, []).append("in the middle of all tracks")
    wanted = [row for row in rows if row.track in chosen]
    missing = list[str]()
    groups = list(fitting(_groups(out, wanted, chosen, missing)))
    if left := len(wanted) - len(groups) - len(missing):
        missing.append(f"{left} more groups would make the page too large.")
    if groups or missing:
        yield Heading("Listen")
        yield Bullets([HOW, *missing])
        yield from groups


HOW = (
    "Keys 1 to 9 within a group change to another sound at the same moment. Guitars are at one "
    "loudness; both songs are by one gain as they are to each other. FLAC with 16 bits."
)


def _groups(
    out: Location, rows: Sequence[TrackRow], reasons: Mapping[str, Sequence[str]],
    missing: list[str],
) -> Iterator[Players]:  # fmt: skip
    """One for each track, in order of the reasons; those that cannot be had come to `missing`."""
    found = {row.track: (row, chunks) for row, chunks in manifest.rows_with_chunks(out, rows)}
    for track, why in reasons.items():
        try:
            yield _group(out, *found[track], why)
        except MorphsepError as error:  # its files went away meanwhile
            missing.append(f"{track}: {error}")


def _group(
    out: Location, row: TrackRow, chunks: Sequence[ChunkRow], reasons: Sequence[str]
) -> Players:
    track = finished(row, chunks)
    at_seam = REASONS["seam_flux_db"] in reasons
    span = _worst_seam(chunks) if at_seam else track.excerpts[0]
    with opened(out, row) as sounds:
        passage = sounds.passage(span)
    ends = Ends.of(passage)
    text: Text = (
        f"{'; '.join(reasons)}. {row.from_tone} to {row.to_tone} by ",
        Code(row.backend or ""),
        f", amount {_amounts(ends)}, from {span.start / MODEL_RATE:.1f} s",
    )
    return Players(title=row.track, text=text, clips=_clips(passage, ends))


def _amounts(ends: Ends) -> str:
    if not ends.moves:
        return f"{ends.amount:.2g}"
    return f"{ends.amounts[0]:.2g} to {ends.amounts[-1]:.2g}"


def _clips(passage: Passage, ends: Ends) -> list[Clip]:
    guitars = {
        "guitar, as it was": passage.stem,
        "guitar, tone morphed from": ends.source,
        "guitar, as it is now": ends.morphed,
        "crossfade of both tones": ends.crossfade,
        "guitar, tone morphed towards": ends.target,
    }
    if np.array_equal(passage.source, passage.stem):
        del guitars["guitar, tone morphed from"]
    level = metrics.match_loudness(list(guitars.values()), MODEL_RATE)
    songs = {"song, as it was": passage.before, "song, as it is now": passage.after}
    return [*clips(dict(zip(guitars, level, strict=True))), *clips(songs)]


def _worst_seam(chunks: Sequence[ChunkRow]) -> Span:
    worst = max(
        (chunk for chunk in chunks if chunk.seam_flux_db is not None),
        key=lambda chunk: chunk.seam_flux_db or 0.0,
        default=chunks[0],
    )
    return Span(max(worst.start - AROUND, 0), worst.start + AROUND)
