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
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from jobs.evaluate_ends import ENDS, measure_ends
from jobs.evaluate_table import Cell, Cells, compare, lines, read_table, write_table
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
