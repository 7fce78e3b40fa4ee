"""Adapters for a list of pairs of tones, side by side on a cluster or, unless several workers
are asked for, one after the other here.

Every pair ends as one row; one that fails takes no other along. The same list again does only
what is not done: the training knows its own results, and goes on with what was begun.
"""

from __future__ import annotations

import csv
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

from morphsep.backends.diffusion.training import Recipe, Running, train
from morphsep.errors import MorphsepError, SettingError
from morphsep.request import read_list
from morphsep.run.executors.executor import choose_executor, get_executor
from morphsep.run.executors.step import Pool, Step
from morphsep.storage import whole

MOST_TRIES = 3
"""Workers that may die over a pair, none of them after a single step, before it is given up."""
COLUMNS = ("source", "target", "out")

log = logging.getLogger("morphsep")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One row of a list: two clips and the adapter folder to make of them."""

    source: str
    target: str
    out: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a pair ended."""

    source: str
    target: str
    out: str
    status: Literal["ok", "failed"]
    reason: str = ""
    """Why it failed."""
    seconds: float = 0.0
    fingerprint: str = ""
    """Of the adapter."""


def read_pairs(path: str | Path) -> list[Pair]:
    """The rows of a list with columns source, target and out; paths are relative to it.

    Raises:
        SettingError: no such file, other columns, an empty cell, or one adapter named twice.
    """
    place = Path(path).expanduser().absolute()
    pairs, seen = list[Pair](), set[str]()
    for row in read_list(str(place), COLUMNS):
        given = row.cells
        missing = [name for name in COLUMNS if name not in given]
        if missing:
            columns = ", ".join(COLUMNS)
            raise SettingError(f"{row.place} has no {missing[0]}; a list has the columns {columns}")
        pair = Pair(**{name: str(place.parent / value) for name, value in given.items()})
        if pair.out in seen:
            raise SettingError(f"{row.place} names {given['out']} a second time as out")
        seen.add(pair.out)
        pairs.append(pair)
    if not pairs:
        raise SettingError(f"{path} has no rows")
    return pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainPair:
    """What a worker does with a pair; the model stays loaded in its process."""

    weights: str
    recipe: Recipe
    running: Running

    def __call__(self, pair: Pair) -> list[Result]:
        """One result, whatever happens."""
        begun = time.monotonic()
        note = Path(pair.out + ".training") / "tries"
        try:
            _count(note)
            adapter = train(
                pair.source, pair.target, self.weights, pair.out, self.recipe, self.running,
                on_step=lambda *_: note.unlink(missing_ok=True),
            )  # fmt: skip
        except Exception as error:
            if not isinstance(error, MorphsepError):
                log.exception("%s", pair.out)
            note.unlink(missing_ok=True)
            with suppress(OSError):  # not empty: it holds what can be resumed
                note.parent.rmdir()
            reason = str(error) or type(error).__name__
            return [Result(**asdict(pair), status="failed", reason=reason)]
        seconds = round(time.monotonic() - begun, 1)
        found = adapter.fingerprint()
        return [Result(**asdict(pair), status="ok", seconds=seconds, fingerprint=found)]


def _count(note: Path) -> None:
    """Counts those that begin; a step that is done, and an end that is not a death, forget it.

    Raises:
        SettingError: too many have died.
    """
    tries = int(note.read_text(encoding="ascii")) if note.exists() else 0
    if tries >= MOST_TRIES:
        raise SettingError(
            f"{tries} workers died over it before their first step, most likely for want of "
            "memory; use --gradient-checkpointing or shorter --seconds"
        )
    with whole(note) as part:
        part.write_text(str(tries + 1), encoding="ascii")


def train_many(
    pairs: Sequence[Pair], work: TrainPair, executor: str, pool: Pool
) -> Iterator[Result]:
    """Results as they come, in any order: one for every pair.

    Raises:
        SettingError: there is no such executor or cluster.
    """
    step = Step(name="train", call=work, wants_gpu=True)
    missing = {pair.out: pair for pair in pairs}
    for result in get_executor(choose_executor(executor, pool))([step], pairs, pool):
        missing.pop(result.out, None)
        yield result
    for pair in missing.values():
        reason = "its workers died over it; run the same command again"
        yield Result(**asdict(pair), status="failed", reason=reason)


def write_results(path: str | Path, pairs: Sequence[Pair], results: Sequence[Result]) -> None:
    """The rows that there are, in the order of the list: CSV, or Parquet by the name's ending."""
    order = {pair.out: index for index, pair in enumerate(pairs)}
    rows = [asdict(each) for each in sorted(results, key=lambda each: order[each.out])]
    with whole(Path(path)) as part:
        if Path(path).suffix.lower() == ".parquet":
            import pyarrow
            from pyarrow import parquet

            parquet.write_table(pyarrow.Table.from_pylist(rows), part)
            return
        with part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [field.name for field in fields(Result)])
            writer.writeheader()
            writer.writerows(rows)
