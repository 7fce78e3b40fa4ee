"""`report.md`: the tables for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from morphsep.evaluation.results import paper
from morphsep.evaluation.results.measures import MEASURES
from morphsep.evaluation.results.scores import (
    ALL,
    Average,
    Score,
    average,
    write_averages,
    write_scores,
)
from morphsep.evaluation.tables import markdown_table, write_markdown

if TYPE_CHECKING:
    from morphsep.storage import Location

IN_DETAIL = ("truth_same_amount", "truth_nearest", "lean_to_louder", "position_deviation")
"""Measures that have a table by transition: those that tell a knob from a crossfade, and the law of
the knob."""
BASELINE = "crossfade"
KNOB = "chain"
"""The backend that turns the real knob of built-in tones: it is the truth."""
WORST = 5

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


def write_results(folder: Location, results: Results) -> None:
    """Writes `scores.parquet`, `summary.parquet` and `report.md`."""
    write_scores(folder, results.scores)
    write_averages(folder, results.averages)
    write_markdown(folder / "report.md", report(results))


def report(results: Results) -> Iterator[str]:
    """The tables as lines of Markdown."""
    yield from ("# Evaluation: five transitions", "")
    yield from _what_was_done(results)
    averages = {(each.backend, each.transition, each.measure): each for each in results.averages}
    titles = {each.name: each.title for each in MEASURES}
    for name in IN_DETAIL:
        yield from _section(titles[name][0].upper() + titles[name][1:])
        yield from _by_transition(averages, name)
    yield from _section("All measures, all transitions")
    yield from _pooled(averages)
    yield from _section("Distance to the truth by amount (dB)")
    yield from _by_amount(results.cells)
    yield from _section("Furthest from the truth")
    yield from _worst(results.cells)
    yield from _section("Not nearer to the truth than the crossfade")
    yield from _beaten(results.cells)
    yield from _section("The paper's table")
    yield from _paper(results.done)
    yield from _reasons("Not measured", results.not_measured)
    yield from _reasons("Recordings left out", results.left_out)
    yield from _reasons("Recordings that could not be read", results.unreadable)
    failed = {f"{each.item}, {each.backend}": each.error for each in results.failed}
    yield from _reasons("Failed", failed)


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


def _by_transition(averages: Mapping[tuple[str, str, str], Average], name: str) -> Iterator[str]:
    here = {(b, t): each for (b, t, measure), each in averages.items() if measure == name}
    transitions = _in_order(t for _, t in here)
    rows = (
        [backend, *(_shown(here.get((backend, transition))) for transition in transitions)]
        for backend in _in_order(b for b, _ in here)
    )
    return markdown_table(["backend", *transitions], rows)


def _pooled(averages: Mapping[tuple[str, str, str], Average]) -> Iterator[str]:
    backends = _in_order(backend for backend, *_ in averages)
    measured = {measure for *_, measure in averages}
    rows = (
        [each.title, *(_shown(averages.get((backend, ALL, each.name))) for backend in backends)]
        for each in MEASURES if each.name in measured
    )  # fmt: skip
    return markdown_table(["measure", *backends], rows)


def _by_amount(cells: Cells) -> Iterator[str]:
    amounts = sorted({amount for *_, amount in cells})
    rows = sorted({(t, b) for b, t, _ in cells if b != KNOB})
    return markdown_table(
        ["transition", "backend", *(f"{amount:g}" for amount in amounts)],
        ([t, b, *(_number(cells.get((b, t, amount))) for amount in amounts)] for t, b in rows),
    )


def _worst(cells: Cells) -> Iterator[str]:
    for backend in _in_order(b for b, *_ in cells if b != KNOB):
        own = sorted((-value, t, amount) for (b, t, amount), value in cells.items() if b == backend)
        named = (f"{t} at {amount:g} ({-value:.1f} dB)" for value, t, amount in own[:WORST])
        yield f"- {backend}: {', '.join(named)}"


def _beaten(cells: Cells) -> Iterator[str]:
    base = {(t, amount): value for (b, t, amount), value in cells.items() if b == BASELINE}
    if not base:
        yield "The crossfade was not measured."
    for backend in _in_order(b for b, *_ in cells if base and b not in (KNOB, BASELINE)):
        own = {(t, amount): v for (b, t, amount), v in cells.items() if b == backend}
        shared = sorted(own.keys() & base.keys())
        lost = [f"{t} at {a:g}" for t, a in shared if own[t, a] >= base[t, a]]
        where = f": {', '.join(lost)}" if lost else ""
        yield f"- {backend}: {len(lost)} of {len(shared)} cells{where}"


def _paper(scores: Sequence[Score]) -> Iterator[str]:
    ours = []
    for backend in _in_order(score.backend for score in scores):
        values = [score.values for score in scores if score.backend == backend]
        readings = [_spread(values, name) for name in ("cdpam_step_mean", "cdpam_to_target")]
        ours.append([f"here: {backend}", *readings, ""])
    theirs = ([model, cdpam, "", mos] for model, cdpam, mos in paper.ROWS)
    yield from markdown_table(["model", "CDPAM", "CDPAM to the target", "MOS"], [*theirs, *ours])
    yield from ("", f"{paper.CITATION}. {paper.READINGS} {paper.DIFFERENCE}")


def _spread(values: Iterable[Mapping[str, float]], name: str) -> str:
    """Mean and standard deviation over the pairs; nothing where it was not measured."""
    known = [each[name] for each in values if name in each]
    return f"{np.mean(known):.2f} ± {np.std(known):.3f}" if known else ""


def _reasons(title: str, reasons: Mapping[str, str]) -> Iterator[str]:
    if reasons:
        yield from _section(title)
        yield from (f"- {what}: {' '.join(why.split())}" for what, why in sorted(reasons.items()))


def _section(title: str) -> Iterator[str]:
    yield from ("", f"## {title}", "")


def _in_order(names: Iterable[str]) -> list[str]:
    """Each once, sorted; `ALL` last."""
    return sorted(set(names), key=lambda name: (name == ALL, name))


def _shown(each: Average | None) -> str:
    if each is None:
        return ""
    if each.low is None:
        return _number(each.value)
    return f"{_number(each.value)} ({_number(each.low)} to {_number(each.high)})"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
