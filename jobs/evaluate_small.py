"""A small evaluation, held against the table that is checked in: ``make evaluate``.

    python -m jobs.evaluate_small [--update] [--workers 2] [--keep FOLDER]

Five transitions of five guitars (both of demo/, three synthesised here), 4 s each, amounts 0, 0.25,
0.5, 0.75 and 1, by the backends that need no weights. Prints every cell of the table before and now
as Markdown. Ends with 1 if any is worse than before by more than its tolerance, is not measured any
more, is of fewer clips, or is not in the table yet, and if a backend failed for a clip.
``--update`` (``make evaluate UPDATE=1``) writes the table anew, unless one failed.

The rows ``ends`` say what the tones themselves are like (`jobs.evaluate_ends`); they fail where
they move either way, for the backends are measured against them. A tone that changes in none of
these (its echoes, its width) is not guarded.

The same code gives the same numbers on one machine, so tolerances are no intervals: they are above
what another CPU's rounding changes. Only measures count that say which way is better
(docs/reference/metrics.md); the others are printed.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from jobs.evaluate_ends import ENDS, measure_ends
from morphsep.dsp import MODEL_RATE
from morphsep.errors import SettingError
from morphsep.evaluation.bootstrap import Interval, bootstrap
from morphsep.evaluation.protocol import Plan, evaluate
from morphsep.evaluation.results import ALL, Average
from morphsep.request import Settings, collect
from morphsep.run import Pool
from morphsep.storage import location
from morphsep.testing import plucked

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs" / "reference" / "evaluation-small.csv"
DEMO = ("guitar-clean.flac", "metal-madness.guitar.ogg")
SYNTHESISED = 3
PLAN = Plan(
    backends=("chain", "crossfade", "spectral", "vocoder"), pairs=len(DEMO) + SYNTHESISED, steps=4,
    seconds=4.0, cdpam=False,
)  # fmt: skip

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


def measure(folder: Path, workers: int) -> Cells:
    """What the code is like now, evaluated in `folder`.

    Raises:
        SettingError: a recording could not be used, or a backend failed for a clip.
    """
    out = folder / "eval"
    jobs = collect(guitars(folder / "guitars"), str(out), Settings(), "separate")
    results = evaluate(jobs, location(out), PLAN, pool=Pool(max_workers=workers))
    if unused := {**results.left_out, **results.unreadable}:
        raise SettingError("; ".join(f"{path}: {why}" for path, why in unused.items()))
    if results.failed:
        raise SettingError("; ".join(f"{s.item}, {s.backend}: {s.error}" for s in results.failed))
    ends = measure_ends(location(out))
    return {**cells(results.averages), **{(ENDS, *key): _of(ends[key]) for key in ends}}


def _of(values: Sequence[float]) -> Cell:
    return _cell(bootstrap(values), len(values))  # a clip of each recording


def _cell(found: Interval | Average, clips: int) -> Cell:
    value, low, high = map(_rounded, (found.value, found.low, found.high))
    return Cell(value, low, high, clips)


def guitars(folder: Path) -> list[str]:
    """The recordings; those that are synthesised are written to `folder`."""
    import soundfile

    folder.mkdir(exist_ok=True)
    length = round(PLAN.seconds * MODEL_RATE)
    names = [folder / f"synthesised-{seed}.flac" for seed in range(SYNTHESISED)]
    for seed, name in enumerate(names):
        soundfile.write(name, plucked(length, seed), MODEL_RATE, "PCM_24")
    return [*(str(ROOT / "demo" / name) for name in DEMO), *map(str, names)]


def cells(averages: Iterable[Average]) -> Cells:
    """The cells of single transitions, to as many digits as the table has."""
    return {
        (each.backend, each.transition, each.measure): _cell(each, each.clips)
        for each in averages
        if each.transition != ALL
    }


def _rounded(value: float | None) -> float:
    return float(f"{value:.5g}") if value is not None else float("nan")


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, compare, print; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--update", action="store_true", help="write the table anew")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="empty folder for sounds and reports")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):  # sounds that older code made would be taken for this code's
            parser.error(f"{folder} is not empty")
        try:
            now = measure(folder, options.workers)
        except SettingError as error:
            print(f"failed: {error}")
            return 1
    compared = compare(read_table(TABLE), now)
    print("\n".join(lines(compared)))
    bad = [each for each in compared if each.verdict]
    if options.update:
        write_table(TABLE, now)
        print(f"\n{TABLE.relative_to(ROOT)} holds what was measured now")
        return 0
    for each in bad:
        print(f"\n{' / '.join(each.key)}: {each.verdict}", end="")
    print(f"\n{len(bad)} of {sum(each.counts for each in compared)} cells that count are worse")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
