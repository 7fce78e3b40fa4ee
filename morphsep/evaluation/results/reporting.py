"""The report: tables for people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite, nan

import numpy as np

from morphsep.evaluation.bootstrap import LEAST
from morphsep.evaluation.document import (
    Block,
    Bullets,
    Charts,
    Heading,
    Paragraph,
    Table,
    listed,
    shortened,
)
from morphsep.evaluation.results import paper
from morphsep.evaluation.results.by_amount import (
    beside_baseline,
    charts,
    nearest_on_path,
    same_amount,
    truths,
    worst,
)
from morphsep.evaluation.results.cells import Cells, cells, in_common
from morphsep.evaluation.results.measures import MEASURES, Measure
from morphsep.evaluation.results.numbers import shown
from morphsep.evaluation.results.scores import (
    ALL,
    KNOB,
    Average,
    Score,
    average,
    in_order,
)
from morphsep.evaluation.tasks import Task
from morphsep.evaluation.texts import Code, Text

IN_DETAIL = ("truth_same_amount", "truth_nearest", "lean_to_louder", "position_deviation")
"""Measures that have a table by transition: those that tell a knob from a crossfade, and the law of
the knob."""
MOST_CHARTS = 12
SCORES = "scores.parquet"
PRINTED = "what the command prints"
"""Where all of it is that a report holds a part of."""
Averages = Mapping[tuple[str, str, str], Average]
"""By (backend, transition, measure)."""


@dataclass(frozen=True, kw_only=True)
class Results:
    """All that came of an evaluation."""

    task: Task
    scores: Sequence[Score]
    amounts: Sequence[float]
    not_measured: Mapping[str, str]
    """Backends and metrics, with the reason."""
    left_out: Mapping[str, str]
    """Recordings that give no clips, with the reason."""
    unreadable: Mapping[str, str]
    """Recordings that could not be read, with the reason."""

    @property
    def done(self) -> list[Score]:
        """The rows that have no error."""
        return [score for score in self.scores if not score.error]

    @property
    def failed(self) -> list[Score]:
        """Those that have one."""
        return [score for score in self.scores if score.error]

    @cached_property
    def averages(self) -> list[Average]:
        """The rows of `summary.parquet`."""
        return average(self.done, self.task.devices)

    @cached_property
    def comparable(self) -> list[Score]:
        """The rows of clips whose distances to the truth every backend has."""
        return in_common(
            self.done, lambda score: bool(score.distances) and all(map(isfinite, score.distances))
        )

    @cached_property
    def cells(self) -> Cells:
        """How far each in-between is from the truth, over clips that every backend has."""
        found = cells(self.comparable, "distances")
        return {(cell.backend, cell.transition, cell.amount): cell.value for cell in found}


def report(results: Results) -> Iterator[Block]:
    """The tables for people."""
    yield Bullets(list(_what_was_done(results)))
    averages = {(each.backend, each.transition, each.measure): each for each in results.averages}
    titles = {each.name: each.title for each in MEASURES}
    for name in results.task.leads_with or IN_DETAIL:
        yield Heading(titles[name][0].upper() + titles[name][1:])
        yield from shortened(by_transition(averages, name), "summary.parquet")
    yield Heading("All measures, all transitions")
    yield pooled(results.done, MEASURES, results.task.devices)
    yield Heading("Distance to the truth by amount (dB)")
    yield _charts(results.cells)
    yield from shortened(same_amount(results.done), SCORES)
    yield Heading("Distance of the path to the truth, by amount (dB)")
    yield from shortened(nearest_on_path(results.done), SCORES)
    yield Heading("Where the knob stands at each amount (log-mel position of the truth)")
    yield from shortened(truths(results.done), SCORES)
    yield Heading("Furthest from the truth")
    yield Bullets(list(worst(results.cells)))
    yield Heading("Beside the crossfade, at the same amount")
    yield beside_baseline(results.done, "distances")
    yield Heading("Beside the crossfade, anywhere on the path")
    yield beside_baseline(results.done, "nearest")
    if results.task.is_papers:
        yield Heading("The paper's table")
        yield _paper(results.done)
        yield Paragraph(f"{paper.CITATION}. {paper.READINGS} {paper.DIFFERENCE}")
    yield from reasons("Not measured", results.not_measured, PRINTED)
    yield from reasons("Recordings left out", results.left_out, PRINTED)
    yield from reasons("Recordings that could not be read", results.unreadable, PRINTED)
    failed = {f"{each.item}, {each.backend}": each.error for each in results.failed}
    yield from reasons("Failed", failed, SCORES)


def _charts(found: Cells) -> Charts:
    drawn = list(charts(found))
    left = len(drawn) - MOST_CHARTS
    note = f"{left} more transitions are in {SCORES}." if left > 0 else ""
    return Charts(drawn[:MOST_CHARTS], note)


def _what_was_done(results: Results) -> Iterator[Text]:
    items, sources = ({getattr(s, of) for s in results.scores} for of in ("item", "source"))
    amounts = ", ".join(f"{amount:g}" for amount in results.amounts)
    yield f"Pairs: {len(items)}, from {len(sources)} recordings: {listed(sorted(sources))}."
    yield f"Amounts: {amounts}. Rows that failed: {len(results.failed)} of {len(results.scores)}."
    yield (
        f"The truth is {results.task.truth}, which is what the backend ",
        Code(KNOB),
        " does: its distance to the truth is 0 by construction. Amounts are the knob's, not spaced "
        "by what is heard. All sounds are at one loudness; the ends are the same for all backends.",
    )
    yield (
        "Means over the pairs, with intervals of 95 % by a bootstrap that draws recordings again; "
        f"of fewer than {LEAST} they hold with these recordings. Where a number is of fewer clips "
        "than others beside it, their count is there; charts and the table of all measures are of "
        "clips that every backend has."
    )
    yield from _about_devices(set(results.task.devices.values()))


def _about_devices(devices: Collection[str]) -> Iterator[str]:
    """What intervals over several of them say; nothing where transitions are no captures."""
    if len(devices) >= LEAST:
        yield "Where all devices stand together, devices are drawn again, too."
    elif devices:
        yield (
            f"Where all devices stand together, intervals hold with these devices ({len(devices)}):"
            f" fewer than {LEAST} are not drawn again."
        )


def by_transition(averages: Averages, name: str) -> Table:
    """One measure: a row a transition, a column a backend."""
    here = {(b, t): each for (b, t, measure), each in averages.items() if measure == name}
    backends, rows = in_order(b for b, _ in here), []
    for transition in in_order(t for _, t in here):
        row = [here.get((backend, transition)) for backend in backends]
        most = max(each.clips for each in row if each)
        rows.append([transition, *(_of_clips(each, most) for each in row)])
    return Table(["transition", *backends], rows)


def _of_clips(each: Average | None, most: int) -> str:
    """With the number of clips, where others have more."""
    return f"{shown(each)}, clips: {each.clips}" if each and each.clips < most else shown(each)


def pooled(
    scores: Sequence[Score], measures: Sequence[Measure], devices: Mapping[str, str]
) -> Table:
    """All transitions together, over the clips for which each backend has the measure: a row a
    measure, a column a backend."""
    backends, rows = in_order(score.backend for score in scores), []
    for measure in measures:
        known = _with(scores, measure.name)
        values = [replace(s, values={measure.name: s.values[measure.name]}) for s in known]
        found = {e.backend: e for e in average(values, devices) if e.transition == ALL}
        if any(measure.name in score.values for score in scores):
            clips = str(len({score.item for score in known}))
            rows.append([measure.title, clips, *(shown(found.get(name)) for name in backends)])
    return Table(["measure", "clips", *backends], rows)


def _with(scores: Iterable[Score], measure: str) -> list[Score]:
    """Those of clips for which each backend has a measure."""
    return in_common(
        scores, lambda score: isfinite(score.values.get(measure, nan)), lambda score: None
    )


def _paper(scores: Sequence[Score]) -> Table:
    ours, names = [], ("cdpam_step_mean", "cdpam_to_target")
    known = {name: _with(scores, name) for name in names}
    for backend in in_order(score.backend for score in scores):
        readings = [
            _spread([s.values[name] for s in known[name] if s.backend == backend]) for name in names
        ]
        ours.append([f"here: {backend}", *readings, ""])
    theirs = [[model, cdpam, "", mos] for model, cdpam, mos in paper.ROWS]
    return Table(["model", "CDPAM", "CDPAM to the target", "MOS"], [*theirs, *ours])


def _spread(known: Sequence[float]) -> str:
    """Mean and standard deviation over the pairs; nothing where it was not measured."""
    return f"{np.mean(known):.2f} ± {np.std(known):.3f}" if known else ""


def reasons(title: str, found: Mapping[str, str], where: str) -> Iterator[Block]:
    """A section of what is not there and why; none if all is there. Of much, `where` has all."""
    if found:
        yield Heading(title)
        said = Bullets([f"{what}: {why}" for what, why in sorted(found.items())])
        yield from shortened(said, where)
