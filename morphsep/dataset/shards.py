"""Shards: the finished Parquet files of a data set, joined from the parts of its sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from morphsep.dataset.parts import GROUP_BYTES, GROUP_ROWS, WRITING, Parts
from morphsep.storage import Location, digest_file

if TYPE_CHECKING:
    import pyarrow as pa

MOST_BYTES = 400 * 2**20
"""Of a shard, about: Hugging Face's viewer and loaders want at most 500 MB."""
DATA = "data"

Group = tuple[str, int, int, int]
"""(part, row group of it, rows, bytes)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A file to be written."""

    name: str
    """Below the data set: ``data/train-00000-of-00012.parquet``."""
    groups: Sequence[Group]

    @property
    def rows(self) -> int:
        return sum(rows for _, _, rows, _ in self.groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A shard that is there."""

    name: str
    rows: int
    bytes: int
    sha256: str

    @property
    def split(self) -> str:
        return self._named[0]

    @property
    def number(self) -> int:
        """Among those of its split, from 0."""
        return int(self._named[1])

    @property
    def _named(self) -> list[str]:
        return self.name.rpartition("/")[2].rsplit("-", 3)


def plan_shards(parts: Mapping[str, Sequence[Group]]) -> list[Shard]:
    """The shards of each split.

    Args:
        parts: the row groups of a split's sources in the order in which they are to stand.
    """
    found = []
    for split, groups in parts.items():
        packed = list(_packed(groups, MOST_BYTES))
        found += [
            Shard(name=f"{DATA}/{split}-{n:05d}-of-{len(packed):05d}.parquet", groups=each)
            for n, each in enumerate(packed)
        ]
    return found


def _packed(
    groups: Sequence[Group], most_bytes: int, most_rows: int = 2**62
) -> Iterator[list[Group]]:
    """Neighbours together, as many as fit."""
    packed: list[Group] = []
    rows = size = 0
    for group in groups:
        if packed and (size + group[3] > most_bytes or rows + group[2] > most_rows):
            yield packed
            packed, rows, size = [], 0, 0
        packed.append(group)
        rows, size = rows + group[2], size + group[3]
    if packed:
        yield packed


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteShards:
    """What a worker does with a shard."""

    out: Location
    parts: Parts

    def __call__(self, shard: Shard) -> list[Written]:
        """Writes it whole, or not at all.

        Raises:
            StorageError: the disk is full, or storage does not answer.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        place = self.out / shard.name
        with place.writing() as path, pq.ParquetWriter(path, self.parts.schema, **WRITING) as to:
            for together in _packed(shard.groups, GROUP_BYTES, GROUP_ROWS):
                table = pa.concat_tables(self._read(together))
                to.write_table(table, row_group_size=table.num_rows)
            to.close()
            written = Written(
                name=shard.name, rows=shard.rows, bytes=path.stat().st_size,
                sha256=digest_file(path),
            )  # fmt: skip
        return [written]

    def _read(self, groups: Sequence[Group]) -> Iterator[pa.Table]:
        import pyarrow.parquet as pq

        for part in dict.fromkeys(name for name, _, _, _ in groups):
            wanted = [number for name, number, _, _ in groups if name == part]
            with self.parts.rows(part).reading() as path, pq.ParquetFile(path) as file:
                yield file.read_row_groups(wanted)
