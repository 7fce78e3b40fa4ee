"""The report about finished work: tables for people, and what to listen to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from morphsep.evaluation.document import (
    MOST_ROWS,
    Block,
    Bullets,
    Heading,
    Paragraph,
    Table,
    shortened,
)
from morphsep.evaluation.finished.scores import MEASURES, TrackScore
from morphsep.evaluation.results import ALL, Average, average, number, reasons, shown

IN_DETAIL = (
    "position_deviation", "convergence_to_target", "lean_to_louder", "crossfade_lean",
    "loudness_wobble", "lost_sharpness", "seam_flux_db", "elsewhere_flux_db", "song_louder",
)  # fmt: skip
"""Measures that have a column by backend and transition."""
WORST = 5
BESIDE = {"seam_flux_db": "elsewhere_flux_db"}
"""Measures that say something only beside another."""
WHY_MISSING = {
    "distance to the truth": "nobody knows the true in-between of a finished recording",
    "CDPAM": "it tells a knob from a crossfade in neither direction, and takes longer than all the "
    "rest (docs/reference/metrics.md)",
}
"""What is measured in tasks, and not here."""
TITLE = "Evaluation of finished work"


@dataclass(frozen=True, kw_only=True)
class FinishedResults:
    """What came of all tracks of an output folder."""

    scores: Sequence[TrackScore]
    """In order of the tracks' names."""

    @property
    def done(self) -> list[TrackScore]:
        """Tracks that were measured."""
        return [score for score in self.scores if not score.error_code]

    @property
    def failed(self) -> list[TrackScore]:
        """Tracks that were morphed and should have been measured."""
        passed_over = ("not_finished", "only_separated", "nothing_morphed")
        return [s for s in self.scores if s.error_code and s.error_code not in passed_over]

    @cached_property
    def averages(self) -> list[Average]:
        """Over tracks, by backend and transition, with intervals by inputs."""
        return average(score.score() for score in self.done)

    def worst(self, name: str) -> list[TrackScore]:
        """Measured tracks from the worst by a measure of which less is better."""
        needed = {name, BESIDE.get(name, name)}
        known = [score for score in self.done if needed <= score.values.keys()]
        return sorted(known, key=lambda score: -_badness(score, name))


def _badness(score: TrackScore, name: str) -> float:
    value = score.values[name]
    if name in BESIDE:  # a sound that changes everywhere does so at its seams, too
        return value - max(score.values[BESIDE[name]], 0.0)
    return abs(value)


def report(results: FinishedResults) -> Iterator[Block]:
    """The tables."""
    yield Bullets(list(_what_was_done(results)))
    yield Heading("By backend and transition")
    yield from _by_cell(results)
    yield Heading("All measures")
    yield _all_measures(results.averages)
    yield Heading("Tracks to look at first")
    yield Bullets(list(_worst(results)))
    yield from reasons("Not measured", WHY_MISSING | _missing(results), "tracks.parquet")
    yield from _not_scored(results)


def summary(results: FinishedResults) -> Table:
    """The closing table: a row a backend, over all transitions."""
    averages = {
        (each.backend, each.measure): each for each in results.averages if each.transition == ALL
    }
    counts = Counter(score.backend for score in results.done)
    titles = {each.name: each.title for each in MEASURES}
    rows = [
        [backend, str(count), *(shown(averages.get((backend, name))) for name in IN_DETAIL)]
        for backend, count in sorted(counts.items())
    ]
    return Table(["backend", "tracks", *(titles[name] for name in IN_DETAIL)], rows)


def _what_was_done(results: FinishedResults) -> Iterator[str]:
    inputs = {score.source for score in results.done}
    yield f"Tracks measured: {len(results.done)} of {len(results.scores)}, of {len(inputs)} inputs."
    yield (
        "Measured is the guitar within each result (result - input + stem) beside the stem through "
        "both tones, in up to four excerpts of 4 s of each track, at one loudness."
    )
    yield (
        "Seams: the largest of up to 16 in a track, above the half second around them, less what "
        "the stem does there; beside as many places of the same length, within chunks beside them."
    )
    yield "Means over tracks, with intervals of 95 % by a bootstrap that draws inputs again."


def _by_cell(results: FinishedResults) -> Iterator[Block]:
    averages = {(a.backend, a.transition, a.measure): a for a in results.averages}
    counts = Counter((score.backend, score.transition) for score in results.done)
    titles = {each.name: each.title for each in MEASURES}
    cells = [cell for cell, _ in counts.most_common(MOST_ROWS)]
    rows = [
        [b, t, str(counts[b, t]), *(shown(averages.get((b, t, name))) for name in IN_DETAIL)]
        for b, t in sorted(cells)
    ]
    yield Table(["backend", "transition", "tracks", *(titles[name] for name in IN_DETAIL)], rows)
    if len(counts) > MOST_ROWS:
        yield Paragraph(
            f"{len(counts) - MOST_ROWS} more, with fewer tracks, are in tracks.parquet."
        )


def _all_measures(averages: Sequence[Average]) -> Table:
    pooled = {(each.backend, each.measure): each for each in averages if each.transition == ALL}
    backends = sorted({backend for backend, _ in pooled})
    rows = [
        [each.title, *(shown(pooled.get((backend, each.name))) for backend in backends)]
        for each in MEASURES
    ]
    return Table(["measure", *backends], rows)


def _worst(results: FinishedResults) -> Iterator[str]:
    titles = {each.name: each.title for each in MEASURES}
    for name in ("position_deviation", "lean_to_louder", "seam_flux_db", "song_louder"):
        named = (
            f"{score.track} ({number(score.values[name])})" for score in results.worst(name)[:WORST]
        )
        if found := ", ".join(named):
            yield f"{titles[name]}: {found}"


def _missing(results: FinishedResults) -> dict[str, str]:
    """What some tracks lack, and how many."""
    counts = Counter(
        part for score in results.done for part in score.not_measured.split("; ") if part
    )
    return {
        names: f"{why} ({count} tracks)"
        for part, count in counts.items()
        for names, _, why in [part.partition(": ")]
    }


def _not_scored(results: FinishedResults) -> Iterator[Block]:
    without = [score for score in results.scores if score.error_code]
    if not without:
        return
    yield Heading("Tracks without scores")
    rows = [[score.track, score.error_code, score.message] for score in without]
    yield from shortened(Table(["track", "error code", "why"], rows), "tracks.parquet")
