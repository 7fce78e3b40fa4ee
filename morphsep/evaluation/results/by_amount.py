"""The parts of the report about single amounts, or positions of a knob."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from morphsep.evaluation.document import Bullets, Chart, Table, listed
from morphsep.evaluation.results.cells import Cell, Cells, cells, margins
from morphsep.evaluation.results.measures import Curve
from morphsep.evaluation.results.numbers import shown
from morphsep.evaluation.results.scores import BASELINE, KNOB, Score, in_order, number

WORST = 5


def same_amount(scores: Sequence[Score]) -> Table:
    """How far each backend is from the truth at the same amount, dB."""
    return _by_amount([each for each in cells(scores, "distances") if each.backend != KNOB])


def nearest_on_path(scores: Sequence[Score]) -> Table:
    """How far the truth is from the nearest sound of each backend's path, dB, with intervals."""
    found = [each for each in cells(scores, "nearest") if each.backend != KNOB]
    return _by_amount(found, interval=True)


def truths(scores: Sequence[Score]) -> Table:
    """Where the truth stands between the ends, 0 to 1; no rows if the knob was not measured."""
    found = [each for each in cells(scores, "positions") if each.backend == KNOB]
    return _by_amount(found)


def _by_amount(found: Sequence[Cell], *, interval: bool = False) -> Table:
    known = {(cell.transition, cell.backend, cell.amount): cell for cell in found}
    amounts = sorted({cell.amount for cell in found})
    rows = []
    for transition, backend in sorted({key[:2] for key in known}):
        row = [known.get((transition, backend, amount)) for amount in amounts]
        means = [shown(cell) if interval else number(cell.value if cell else None) for cell in row]
        rows.append([transition, backend, _clips(row), *means])
    heads = ["transition", "backend", "clips", *(f"{amount:g}" for amount in amounts)]
    return Table(heads, rows)


def _clips(row: Sequence[Cell | None]) -> str:
    """How many, or from the fewest to the most."""
    clips = sorted(cell.clips for cell in row if cell)
    return " to ".join(dict.fromkeys(str(each) for each in (clips[0], clips[-1])))


def charts(found: Cells) -> Iterator[Chart]:
    """Distances to the truth, one chart a transition: a line a backend, all over the same clips."""
    amounts = sorted({amount for *_, amount in found})
    for transition in in_order(t for _, t, _ in found):
        lines = [
            (b, [found[b, transition, amount] for amount in amounts])
            for b in in_order(b for b, *_ in found if b != KNOB)
            if all((b, transition, amount) in found for amount in amounts)
        ]
        if lines:
            yield Chart(
                title=transition, x_label="amount", y_label="dB to the truth", xs=amounts,
                lines=lines,
            )  # fmt: skip


def worst(found: Cells) -> Iterator[str]:
    """Where each backend is furthest from the truth."""
    for backend in in_order(b for b, *_ in found if b != KNOB):
        own = sorted((-value, t, amount) for (b, t, amount), value in found.items() if b == backend)
        named = (f"{t} at {amount:g} ({-value:.1f} dB)" for value, t, amount in own[:WORST])
        yield f"{backend}: {', '.join(named)}"


def beside_baseline(scores: Sequence[Score], curve: Curve) -> Bullets:
    """Where each backend is not nearer to the truth than the baseline, over the clips of which both
    have something."""
    beside = margins(scores, curve, BASELINE)
    backends = in_order(cell.backend for cell in beside if cell.backend != KNOB)
    said = [f"{backend}: {_lost(beside, backend)}" for backend in backends]
    return Bullets(said or [f"Nothing was measured beside the {BASELINE}."])


def _lost(beside: Sequence[Cell], backend: str) -> str:
    own = [cell for cell in beside if cell.backend == backend]
    lost = [cell for cell in own if cell.value > 0]
    level = sum(cell.value == 0 for cell in own)  # the nearest sound is an end, which both have
    where = [f"{cell.transition} at {cell.amount:g} ({_margin(cell)})" for cell in lost]
    said = f"further away in {len(lost)} of {len(own)} cells, as far in {level}"
    return said + (f": {listed(where)}" if where else "")


def _margin(cell: Cell) -> str:
    between = "" if cell.low is None else f", {cell.low:+.2g} to {cell.high:+.2g}"
    return f"{cell.value:+.2g} dB{between}, clips: {cell.clips}"
