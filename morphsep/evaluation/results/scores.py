"""Rows of `scores.parquet` (a clip and a backend) and of `summary.parquet` (a backend, a transition
and a measure)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from types import MappingProxyType
from typing import TYPE_CHECKING

from morphsep.evaluation.bootstrap import bootstrap
from morphsep.evaluation.results.measures import CURVES, MEASURES
from morphsep.evaluation.tables import defined, write_parquet

if TYPE_CHECKING:
    import pyarrow as pa

    from morphsep.storage import Location

ALL = "all"
"""The transition of rows over all transitions. None is named so: captures' names have a comma."""
BASELINE = "crossfade"
"""The backend that the others have to beat."""
KNOB = "chain"
"""The backend that turns the real knob: it is the truth."""
VERSION = b"1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What was measured of one clip's sequence by one backend."""

    item: str
    transition: str
    source: str
    backend: str
    error: str = ""
    """Why there is nothing; empty where all went well."""
    amounts: Sequence[float] = ()
    distances: Sequence[float] = ()
    """To the truth at each of the amounts, in dB."""
    nearest: Sequence[float] = ()
    """Of the truth at each of the amounts to the nearest sound of the path, in dB."""
    positions: Sequence[float] = ()
    """Of the sounds at each of the amounts between the ends, in log-mel: 0 to 1."""
    values: Mapping[str, float] = field(default_factory=dict)
    """By the name of the measure; those that were not measured are not there, those that are not
    defined for this clip are NaN."""

    def key(self) -> tuple[str, str]:
        """What no other row shares."""
        return self.item, self.backend


@dataclass(frozen=True, slots=True, kw_only=True)
class Average:
    """A measure over the clips of a transition, with its interval of 95 %, by sources; over `ALL`
    by devices, too, where the transitions are captured ones."""

    backend: str
    transition: str
    measure: str
    clips: int
    sources: int
    value: float
    low: float | None
    """None where there are fewer than five sources, and fewer than five devices."""
    high: float | None


def average(
    scores: Iterable[Score], devices: Mapping[str, str] = MappingProxyType({})
) -> list[Average]:
    """Every measure that was defined for any clip, by backend and transition, and over `ALL`.

    Args:
        devices: whose each transition is, drawn again for intervals over `ALL`; without them the
            transitions are fixed.
    """
    cells = defaultdict[tuple[str, str, str], list[tuple[float, str, str]]](list)
    for score in scores:
        device = devices.get(score.transition, "")
        for measure, value in score.values.items():
            if isfinite(value):
                for transition in (score.transition, ALL):
                    known = cells[score.backend, transition, measure]
                    known.append((value, score.source, device))
    return [_average(cell, known) for cell, known in sorted(cells.items())]


def _average(key: tuple[str, str, str], known: Sequence[tuple[float, str, str]]) -> Average:
    backend, transition, measure = key
    values, sources, devices = zip(*known, strict=True)
    found = bootstrap(values, sources, devices)  # one device is not drawn
    return Average(
        backend=backend, transition=transition, measure=measure, clips=len(values),
        sources=len(set(sources)), value=found.value, low=found.low, high=found.high,
    )  # fmt: skip


def write_scores(folder: Location, scores: Iterable[Score]) -> None:
    """Writes `scores.parquet`: a column for each of `MEASURES`, empty where it was not measured or
    is not defined."""
    rows = [
        {
            "item": score.item, "transition": score.transition, "source": score.source,
            "backend": score.backend, "error": score.error, "amounts": list(score.amounts),
        }
        | {name: list(getattr(score, name)) for name in CURVES}
        | {each.name: defined(score.values.get(each.name)) for each in MEASURES}
        for score in scores
    ]  # fmt: skip
    write_parquet(folder / "scores.parquet", rows, _schema())


def write_averages(folder: Location, averages: Iterable[Average]) -> None:
    """Writes `summary.parquet`."""
    import pyarrow as pa

    texts = [pa.field(name, pa.string()) for name in ("backend", "transition", "measure")]
    counts = [pa.field(name, pa.int64()) for name in ("clips", "sources")]
    numbers = [pa.field(name, pa.float64()) for name in ("value", "low", "high")]
    schema = pa.schema([*texts, *counts, *numbers], {b"version": VERSION})
    write_parquet(folder / "summary.parquet", [asdict(each) for each in averages], schema)


def _schema() -> pa.Schema:
    import pyarrow as pa

    names = ("item", "transition", "source", "backend", "error")
    texts = [pa.field(name, pa.string(), nullable=False) for name in names]
    lists = [pa.field(name, pa.list_(pa.float64())) for name in ("amounts", *CURVES)]
    numbers = [pa.field(each.name, pa.float64()) for each in MEASURES]
    return pa.schema([*texts, *lists, *numbers], {b"version": VERSION})


def in_order(names: Iterable[str]) -> list[str]:
    """Each once, sorted; `ALL` last."""
    return sorted(set(names), key=lambda name: (name == ALL, name))


def number(value: float | None) -> str:
    """For tables; empty where there is none."""
    return "" if value is None else f"{value:.3g}"
