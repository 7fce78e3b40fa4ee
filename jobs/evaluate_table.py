"""The table of `jobs.evaluate_small`: its cells, read, written and held against those of now."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from morphsep.storage import location

Best = Literal["low", "high", "zero", "same"]
COUNTING: Mapping[str, tuple[Best, float]] = {
    "truth_same_amount": ("low", 0.1),
    "truth_nearest": ("low", 0.1),
    "convergence_to_truth": ("low", 0.005),
    "lean_to_louder": ("zero", 0.02),
    "position_deviation": ("low", 0.01),
    "position_monotonicity": ("high", 0.01),
    "loudness_wobble": ("low", 0.03),
    "lost_sharpness": ("zero", 0.1),
    "ends_distance": ("same", 0.1),
    "end_crest": ("same", 0.1),
    "end_rest_level": ("same", 0.3),
    "end_brightness": ("same", 0.1),
    "end_click_level": ("same", 0.3),
}
"""Which way is better, and by how much a mean may be worse; in the measure's unit."""

Key = tuple[str, str, str]
"""(backend, transition, measure)."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A mean over the clips, with its interval of 95 % by recording."""

    value: float
    low: float
    high: float
    clips: int


Cells = Mapping[Key, Cell]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One cell, before and now."""

    key: Key
    before: Cell | None
    """None: it is not in the table."""
    now: Cell | None
    """None: it is not measured any more."""

    @property
    def counts(self) -> bool:
        """Whether it can fail."""
        return self.key[2] in COUNTING

    @cached_property
    def verdict(self) -> str:
        """Why this cell fails; empty if it does not."""
        if not self.counts:
            return ""
        if self.now is None:
            return "not measured"
        if self.before is None:
            return "not in the table"
        if self.now.clips < self.before.clips:
            return f"of {self.now.clips} clips, not of {self.before.clips}"
        best, tolerance = COUNTING[self.key[2]]
        worse = _worse(best, self.before.value, self.now.value)
        if worse <= tolerance:  # no number is not within it
            return ""
        return f"{'other' if best == 'same' else 'worse'} by more than {tolerance:g}"


def _worse(best: Best, before: float, now: float) -> float:
    if best == "same":
        return abs(now - before)
    if best == "zero":
        return abs(now) - abs(before)
    return now - before if best == "low" else before - now


def read_table(path: Path) -> Cells:
    """The table as it was written; empty if there is none."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {
            (row["backend"], row["transition"], row["measure"]): Cell(
                float(row["value"]),
                float(row["low"]),
                float(row["high"]),
                int(row.get("clips", 0)),
            )
            for row in csv.DictReader(file)
        }


def write_table(path: Path, now: Cells) -> None:
    """Writes all cells, sorted; whole or not at all."""
    with (
        location(path).writing() as unfinished,
        unfinished.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["backend", "transition", "measure", "value", "low", "high", "clips"])
        for key, cell in sorted(now.items()):
            numbers = (f"{x:.5g}" for x in (cell.value, cell.low, cell.high))
            writer.writerow([*key, *numbers, cell.clips])


def compare(before: Cells, now: Cells) -> list[Comparison]:
    """Every cell that is in either."""
    return [
        Comparison(key=key, before=before.get(key), now=now.get(key))
        for key in sorted({*before, *now})
    ]


def lines(compared: Sequence[Comparison]) -> Iterator[str]:
    """The comparison as Markdown."""
    yield "| backend | transition | measure | before | now | difference | interval now | |"
    yield "|---|---|---|---|---|---|---|---|"
    for each in compared:
        before, now = (cell and f"{cell.value:.4g}" for cell in (each.before, each.now))
        change = each.now.value - each.before.value if each.now and each.before else None
        interval = f"{each.now.low:.3g} to {each.now.high:.3g}" if each.now else ""
        yield (
            f"| {' | '.join(each.key)} | {before or ''} | {now or ''} "
            f"| {'' if change is None else f'{change:+.3g}'} | {interval} | {each.verdict} |"
        )
