"""What a finished data set holds: counted from its own rows, without the sound."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from morphsep.dataset.drawing import BY_RATIO, unit_of
from morphsep.storage import Location

PARTS = 10
ROWS = 1000
"""Rows of a shard that are read at once."""
READ = (
    "split", "kind", "from_tone", "to_tone", "backend", "artist", "song", "licence", "chain",
)  # fmt: skip

Kind = tuple[str, str, str, str | None]
"""(kind, from_tone, to_tone, backend)."""
Histogram = tuple[float, float, list[int]]
"""(lowest, highest, rows in each of ten equal parts between)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Counts of rows."""

    kinds: Mapping[Kind, int]
    licences: Mapping[str | None, int]
    artists: Mapping[str, Sequence[str | None]]
    """By split."""
    songs: Mapping[str, Sequence[str | None]]
    """By split."""
    knobs: Mapping[tuple[str, str], Histogram]
    """Of chains that were drawn: (pedal, parameter) -> how its values are spread, by ratio where it
    is heard so."""

    @classmethod
    def of(cls, out: Location, shards: Sequence[str]) -> Coverage:
        """Reads the columns of a data set's shards that are not sound."""
        counts = _Counts()
        for name in shards:
            for row in _rows(out / name):
                counts.add(row)
        return counts.coverage()

    def in_split(self, split: str) -> tuple[int, int]:
        """How many artists and songs there are; those without a name count as none."""
        return len(set(self.artists[split]) - {None}), len(set(self.songs[split]) - {None})


def _rows(shard: Location) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    with shard.reading() as path, pq.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS, columns=list(READ)):
            yield from batch.to_pylist()


class _Counts:
    """What is known of the rows that were looked at; of each only the values of its knobs stay,
    eight bytes each."""

    def __init__(self) -> None:
        self._kinds, self._licences = Counter[Kind](), Counter[str | None]()
        self._artists = defaultdict[str, set[str | None]](set)
        self._songs = defaultdict[str, set[str | None]](set)
        self._values: defaultdict[tuple[str, str], array[float]] = defaultdict(lambda: array("d"))

    def add(self, row: Mapping[str, Any]) -> None:
        self._kinds[row["kind"], row["from_tone"], row["to_tone"], row["backend"]] += 1
        self._licences[row["licence"]] += 1
        self._artists[row["split"]].add(row["artist"])
        self._songs[row["split"]].add(row["song"])
        for pedal in row["chain"] if row["kind"] == "chain" else ():
            for each in pedal["parameters"]:
                if each["value"] is not None:
                    self._values[pedal["pedal"], each["name"]].append(each["value"])

    def coverage(self) -> Coverage:
        knobs = {
            name: _histogram(name[1], values)
            for name, values in self._values.items()
            if min(values) < max(values)
        }
        return Coverage(
            kinds=self._kinds, licences=self._licences, artists=_sorted(self._artists),
            songs=_sorted(self._songs), knobs=knobs,
        )  # fmt: skip


def _sorted(names: Mapping[str, set[str | None]]) -> dict[str, Sequence[str | None]]:
    return {split: sorted(each, key=str) for split, each in names.items()}


def _histogram(parameter: str, values: Sequence[float]) -> Histogram:
    low, high = min(values), max(values)
    by_ratio = unit_of(parameter) in BY_RATIO and low > 0
    scaled = np.log(values) if by_ratio else np.asarray(values)
    counts, _ = np.histogram(scaled, PARTS)
    return low, high, counts.tolist()
