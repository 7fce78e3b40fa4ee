"""The tables of a listening test on paper: Markdown for people, Parquet for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from morphsep.evaluation.bootstrap import LEAST, Interval
from morphsep.evaluation.listening.tables import Needed, Scores
from morphsep.evaluation.tables import markdown_table, write_markdown, write_parquet
from morphsep.evaluation.texts import markdown

if TYPE_CHECKING:
    import pyarrow as pa

    from morphsep.storage import Location

ENOUGH_LISTENERS = 20
"""BS.1534-3, of experienced listeners."""
INTERVALS = (
    f"Intervals of 95 %, over listeners and items; where either are fewer than {LEAST}, over the "
    "other alone, and none where both are."
)


def report(scores: Scores) -> Iterator[str]:
    """The tables as lines of Markdown."""
    yield f"# Listening test {markdown(scores.test)}"
    yield ""
    few = f"; BS.1534-3 asks for {ENOUGH_LISTENERS}" if scores.listeners < ENOUGH_LISTENERS else ""
    yield f"Listeners counted: {scores.listeners}{few}. Excluded: {len(scores.excluded)}."
    if scores.excluded:
        yield ""
        rows = [(each.listener, "; ".join(each.reasons)) for each in scores.excluded]
        yield from markdown_table(("excluded", "why"), rows)
    yield from ("", "## Averages", "", INTERVALS, "")
    yield from _averages(scores)
    yield from ("", "## Comparisons", "", "Wilcoxon's test over listeners, Holm's correction.", "")
    yield from _comparisons(scores)
    yield from ("", "## Whether any condition differs", "", "Friedman's test over listeners.", "")
    yield from _agreement(scores)
    if scores.needed:
        yield from ("", f"{needed_line(scores.needed)}, as they do here.")


def write_tables(scores: Scores, folder: Location) -> None:
    """Writes `scores.md`, and `scores.parquet`, `comparisons.parquet` and `excluded.parquet`."""
    write_markdown(folder / "scores.md", report(scores))
    for name, columns in _columns().items():
        rows = [{"test": scores.test, **asdict(row)} for row in getattr(scores, name)]
        write_parquet(folder / f"{name}.parquet", rows, columns)


def needed_line(needed: Needed) -> str:
    """How many listeners a difference takes, as a sentence without its end."""
    return (
        f"A difference of {needed.difference:g} MOS takes {needed.listeners} listeners whose "
        f"differences spread by {needed.spread:.2g} (power 80 %, {needed.comparisons} comparisons)"
    )


def _averages(scores: Scores) -> Iterator[str]:
    heads = ("measure", "transition", "condition", "amount", "listeners", "items", "answers")
    rows = [
        (
            *(each.measure, each.transition, each.condition, f"{each.amount:g}"),
            *(str(each.listeners), str(each.items), str(each.answers)),
            *(_shown(each.mean), _shown(each.median)),
        )
        for each in scores.scores
    ]
    return markdown_table((*heads, "mean", "median"), rows)


def _comparisons(scores: Scores) -> Iterator[str]:
    heads = ("measure", "first", "second", "listeners", "items", "first - second", "p", "p (Holm)")
    rows = [
        (
            *(each.measure, each.first, each.second, str(each.listeners), str(each.items)),
            *(_shown(each.difference), _p(each.p), _p(each.p_holm)),
        )
        for each in scores.comparisons
    ]
    return markdown_table(heads, rows)


def _agreement(scores: Scores) -> Iterator[str]:
    heads = ("measure", "conditions", "listeners", "chi-square", "p")
    rows = [
        (
            *(each.measure, str(each.conditions), str(each.listeners)),
            *(f"{each.chi_square:.1f}", _p(each.p)),
        )
        for each in scores.agreement
    ]
    return markdown_table(heads, rows)


def _shown(interval: Interval | None) -> str:
    if interval is None:
        return ""
    if interval.low is None:
        return f"{interval.value:.2f}"
    return f"{interval.value:.2f} ({interval.low:.2f} to {interval.high:.2f})"


def _p(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


def _columns() -> dict[str, pa.Schema]:
    """Of each table; the same whatever rows there are."""
    import pyarrow as pa

    text, count, number = pa.string(), pa.int64(), pa.float64()
    interval = pa.struct([("value", number), ("low", number), ("high", number)])
    counts = [("listeners", count), ("items", count)]
    test, measure = ("test", text), ("measure", text)
    return {
        "scores": pa.schema([
            test, measure, ("transition", text), ("condition", text), ("amount", number),
            *counts, ("answers", count), ("mean", interval), ("median", interval),
        ]),
        "comparisons": pa.schema([
            test, measure, ("first", text), ("second", text), *counts, ("difference", interval),
            ("spread", number), ("p", number), ("p_holm", number),
        ]),
        "excluded": pa.schema([test, ("listener", text), ("reasons", pa.list_(text))]),
    }  # fmt: skip
