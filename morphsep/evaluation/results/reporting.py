"""The report: tables for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from morphsep.evaluation.document import (
    Block,
    Bullets,
    Chart,
    Charts,
    Heading,
    Paragraph,
    Table,
)
from morphsep.evaluation.results import paper
from morphsep.evaluation.results.measures import MEASURES, Measure
from morphsep.evaluation.results.scores import (
    ALL,
    Average,
    Score,
    average,
)

IN_DETAIL = ("truth_same_amount", "truth_nearest", "lean_to_louder", "position_deviation")
"""Measures that have a table by transition: those that tell a knob from a crossfade, and the law of
the knob."""
BASELINE = "crossfade"
KNOB = "chain"
"""The backend that turns the real knob of built-in tones: it is the truth."""
TITLE = "Evaluation: five transitions"
WORST = 5

Averages = Mapping[tuple[str, str, str], Average]
"""By (backend, transition, measure)."""
Cells = Mapping[tuple[str, str, float], float]
"""Mean distance to the truth in dB, by (backend, transition, amount between the ends)."""


@dataclass(frozen=True, kw_only=True)
class Results:
    """All that came of an evaluation."""

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
        return average(self.done)

    @cached_property
    def cells(self) -> Cells:
        """How far each in-between is from the truth."""
        known = defaultdict[tuple[str, str, float], list[float]](list)
        for score in self.done:
            for amount, distance in zip(score.amounts, score.distances, strict=True):
                if 0 < amount < 1:
                    known[score.backend, score.transition, amount].append(distance)
        return {cell: float(np.mean(values)) for cell, values in known.items()}


def report(results: Results) -> Iterator[Block]:
    """The tables for people."""
    yield Bullets(list(_what_was_done(results)))
    averages = {(each.backend, each.transition, each.measure): each for each in results.averages}
    titles = {each.name: each.title for each in MEASURES}
    for name in IN_DETAIL:
        yield Heading(titles[name][0].upper() + titles[name][1:])
        yield by_transition(averages, name)
    yield Heading("All measures, all transitions")
    yield pooled(averages, MEASURES)
    yield Heading("Distance to the truth by amount (dB)")
    yield Charts(list(_charts(results.cells)))
    yield _by_amount(results.cells)
    yield Heading("Furthest from the truth")
    yield Bullets(list(_worst(results.cells)))
    yield Heading("Not nearer to the truth than the crossfade")
    yield Bullets(list(_beaten(results.cells)))
    yield Heading("The paper's table")
    yield _paper(results.done)
    yield Paragraph(f"{paper.CITATION}. {paper.READINGS} {paper.DIFFERENCE}")
    yield from reasons("Not measured", results.not_measured)
    yield from reasons("Recordings left out", results.left_out)
    yield from reasons("Recordings that could not be read", results.unreadable)
    failed = {f"{each.item}, {each.backend}": each.error for each in results.failed}
    yield from reasons("Failed", failed)


def _what_was_done(results: Results) -> Iterator[str]:
    items, sources = ({getattr(s, of) for s in results.scores} for of in ("item", "source"))
    amounts = ", ".join(f"{amount:g}" for amount in results.amounts)
    yield f"Pairs: {len(items)}, from {len(sources)} recordings: {', '.join(sorted(sources))}."
    yield f"Amounts: {amounts}. Rows that failed: {len(results.failed)} of {len(results.scores)}."
    yield (
        f"The truth is the effect chain really at that knob, which is what the backend `{KNOB}` "
        "does: its distance to the truth is 0 by construction. Amounts are the knob's, not spaced "
        "by what is heard. All sounds are at one loudness; the ends are the same for all backends."
    )
    yield "Means over the pairs, with intervals of 95 % by a bootstrap that draws recordings again."


def by_transition(averages: Averages, name: str) -> Table:
    """One measure: a row a backend, a column a transition."""
    here = {(b, t): each for (b, t, measure), each in averages.items() if measure == name}
    transitions = _in_order(t for _, t in here)
    rows = [
        [backend, *(shown(here.get((backend, transition))) for transition in transitions)]
        for backend in _in_order(b for b, _ in here)
    ]
    return Table(["backend", *transitions], rows)


def pooled(averages: Averages, measures: Sequence[Measure]) -> Table:
    """All transitions together: a row a measure, a column a backend."""
    backends = _in_order(backend for backend, *_ in averages)
    measured = {measure for *_, measure in averages}
    rows = [
        [each.title, *(shown(averages.get((backend, ALL, each.name))) for backend in backends)]
        for each in measures if each.name in measured
    ]  # fmt: skip
    return Table(["measure", *backends], rows)


def _by_amount(cells: Cells) -> Table:
    amounts = sorted({amount for *_, amount in cells})
    rows = sorted({(t, b) for b, t, _ in cells if b != KNOB})
    return Table(
        ["transition", "backend", *(f"{amount:g}" for amount in amounts)],
        [[t, b, *(number(cells.get((b, t, amount))) for amount in amounts)] for t, b in rows],
    )


def _charts(cells: Cells) -> Iterator[Chart]:
    """One a transition: a line a backend."""
    amounts = sorted({amount for *_, amount in cells})
    for transition in _in_order(t for _, t, _ in cells):
        lines = [
            (b, [cells[b, transition, amount] for amount in amounts])
            for b in _in_order(b for b, *_ in cells if b != KNOB)
            if all((b, transition, amount) in cells for amount in amounts)
        ]
        if lines:
            yield Chart(
                title=transition, x_label="amount", y_label="dB to the truth", xs=amounts,
                lines=lines,
            )  # fmt: skip


def _worst(cells: Cells) -> Iterator[str]:
    for backend in _in_order(b for b, *_ in cells if b != KNOB):
        own = sorted((-value, t, amount) for (b, t, amount), value in cells.items() if b == backend)
        named = (f"{t} at {amount:g} ({-value:.1f} dB)" for value, t, amount in own[:WORST])
        yield f"{backend}: {', '.join(named)}"


def _beaten(cells: Cells) -> Iterator[str]:
    base = {(t, amount): value for (b, t, amount), value in cells.items() if b == BASELINE}
    if not base:
        yield "The crossfade was not measured."
    for backend in _in_order(b for b, *_ in cells if base and b not in (KNOB, BASELINE)):
        own = {(t, amount): v for (b, t, amount), v in cells.items() if b == backend}
        shared = sorted(own.keys() & base.keys())
        lost = [f"{t} at {a:g}" for t, a in shared if own[t, a] >= base[t, a]]
        where = f": {', '.join(lost)}" if lost else ""
        yield f"{backend}: {len(lost)} of {len(shared)} cells{where}"


def _paper(scores: Sequence[Score]) -> Table:
    ours = []
    for backend in _in_order(score.backend for score in scores):
        values = [score.values for score in scores if score.backend == backend]
        readings = [_spread(values, name) for name in ("cdpam_step_mean", "cdpam_to_target")]
        ours.append([f"here: {backend}", *readings, ""])
    theirs = [[model, cdpam, "", mos] for model, cdpam, mos in paper.ROWS]
    return Table(["model", "CDPAM", "CDPAM to the target", "MOS"], [*theirs, *ours])


def _spread(values: Iterable[Mapping[str, float]], name: str) -> str:
    """Mean and standard deviation over the pairs; nothing where it was not measured."""
    known = [each[name] for each in values if name in each]
    return f"{np.mean(known):.2f} ± {np.std(known):.3f}" if known else ""


def reasons(title: str, found: Mapping[str, str]) -> Iterator[Block]:
    """A section of what is not there and why; none if all is there."""
    if found:
        yield Heading(title)
        yield Bullets([f"{what}: {why}" for what, why in sorted(found.items())])


def _in_order(names: Iterable[str]) -> list[str]:
    """Each once, sorted; `ALL` last."""
    return sorted(set(names), key=lambda name: (name == ALL, name))


def shown(each: Average | None) -> str:
    """An average with its interval, for tables; empty where there is none."""
    if each is None:
        return ""
    if each.low is None:
        return number(each.value)
    return f"{number(each.value)} ({number(each.low)} to {number(each.high)})"


def number(value: float | None) -> str:
    """For tables; empty where there is none."""
    return "" if value is None else f"{value:.3g}"
