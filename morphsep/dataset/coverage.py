"""What a finished data set holds: counted from its own rows, without the sound."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from morphsep.dataset.drawing import BY_RATIO, unit_of
from morphsep.storage import Location

PARTS = 10
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
        import pyarrow.parquet as pq

        kinds, licences = Counter[Kind](), Counter[str | None]()
        artists, songs = (
            defaultdict[str, set[str | None]](set),
            defaultdict[str, set[str | None]](set),
        )
        values = defaultdict[tuple[str, str], list[float]](list)
        for name in shards:
            with (out / name).reading() as path, pq.ParquetFile(path) as file:
                for batch in file.iter_batches(columns=list(READ)):
                    for row in batch.to_pylist():
                        kinds[row["kind"], row["from_tone"], row["to_tone"], row["backend"]] += 1
                        licences[row["licence"]] += 1
                        artists[row["split"]].add(row["artist"])
                        songs[row["split"]].add(row["song"])
                        if row["kind"] == "chain":
                            _note(values, row["chain"])
        return cls(
            kinds=kinds, licences=licences, artists=_sorted(artists), songs=_sorted(songs),
            knobs={name: _histogram(name[1], each) for name, each in values.items()
                   if len(set(each)) > 1},
        )  # fmt: skip

    def in_split(self, split: str) -> tuple[int, int]:
        """How many artists and songs there are; those without a name count as none."""
        return len(set(self.artists[split]) - {None}), len(set(self.songs[split]) - {None})


def _sorted(names: Mapping[str, set[str | None]]) -> dict[str, Sequence[str | None]]:
    return {split: sorted(each, key=str) for split, each in names.items()}


def _note(
    values: dict[tuple[str, str], list[float]], chain: Sequence[Mapping[str, object]]
) -> None:
    for pedal in chain:
        parameters = pedal["parameters"]
        assert isinstance(parameters, list)
        for each in parameters:
            if each["value"] is not None:
                values[str(pedal["pedal"]), each["name"]].append(each["value"])


def _histogram(parameter: str, values: Sequence[float]) -> Histogram:
    low, high = min(values), max(values)
    by_ratio = unit_of(parameter) in BY_RATIO and low > 0
    scaled = np.log(values) if by_ratio else np.asarray(values)
    counts, _ = np.histogram(scaled, PARTS)
    return low, high, counts.tolist()
