"""Shards: the finished Parquet files of a data set, joined from the parts of its sources."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from morphsep.dataset.parts import (
    GROUP_BYTES,
    GROUP_ROWS,
    WRITING,
    Parts,
    group_size,
    release_memory,
)
from morphsep.storage import Location, digest_file

if TYPE_CHECKING:
    import pyarrow as pa

MOST_BYTES = 400 * 2**20
"""Of a shard, about: Hugging Face's viewer and loaders want at most 500 MB."""
DATA = "data"


class Slice(NamedTuple):
    """Row groups of a part, side by side."""

    part: str
    first: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A file to be written."""

    name: str
    """Below the data set: ``data/train-00000-of-00012.parquet``."""
    slices: Sequence[Slice]
    rows: int


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


def plan_shards(sources: Iterable[tuple[str, str, Sequence[tuple[int, int]]]]) -> list[Shard]:
    """The shards of each split.

    Args:
        sources: (split, part, row groups as (rows, bytes)), in the order in which they are to
            stand.
    """
    splits = defaultdict[str, list[_Packed]](lambda: [_Packed()])
    for split, part, groups in sources:
        for n, (rows, size) in enumerate(groups):
            packed = splits[split]
            if packed[-1].rows and packed[-1].size + size > MOST_BYTES:
                packed.append(_Packed())
            packed[-1].add(part, n, rows, size)
    return [
        Shard(
            name=f"{DATA}/{split}-{n:05d}-of-{len(packed):05d}.parquet",
            slices=each.slices, rows=each.rows,
        )
        for split, packed in sorted(splits.items())
        for n, each in enumerate(packed)
    ]  # fmt: skip


@dataclass
class _Packed:
    """What a shard has so far."""

    slices: list[Slice] = field(default_factory=list)
    rows: int = 0
    size: int = 0

    def add(self, part: str, group: int, rows: int, size: int) -> None:
        last = self.slices[-1] if self.slices else None
        if last is not None and (last.part, last.stop) == (part, group):
            self.slices[-1] = last._replace(stop=group + 1)
        else:
            self.slices.append(Slice(part, group, group + 1))
        self.rows += rows
        self.size += size


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
        import pyarrow.parquet as pq

        place = self.out / shard.name
        with place.writing() as path, pq.ParquetWriter(path, self.parts.schema, **WRITING) as to:
            for table in _joined(self._groups(shard)):
                to.write_table(table, row_group_size=table.num_rows)
                del table
                release_memory()
            to.close()
            written = Written(
                name=shard.name, rows=shard.rows, bytes=path.stat().st_size,
                sha256=digest_file(path),
            )  # fmt: skip
        return [written]

    def _groups(self, shard: Shard) -> Iterator[tuple[pa.Table, int]]:
        """Its row groups, each with its bytes in its part; a part is opened once."""
        import pyarrow.parquet as pq

        for part, first, stop in shard.slices:
            with self.parts.rows(part).reading() as path, pq.ParquetFile(path) as file:
                for n in range(first, stop):
                    yield file.read_row_group(n), group_size(file.metadata.row_group(n))


def _joined(groups: Iterable[tuple[pa.Table, int]]) -> Iterator[pa.Table]:
    """Neighbours together, as many as a row group holds."""
    import pyarrow as pa

    tables: list[pa.Table] = []
    rows = total = 0
    for table, size in groups:
        if tables and (total + size > GROUP_BYTES or rows + table.num_rows > GROUP_ROWS):
            joined, tables, rows, total = pa.concat_tables(tables), [], 0, 0
            yield joined
            del joined
        tables.append(table)
        rows, total = rows + table.num_rows, total + size
    if tables:
        yield pa.concat_tables(tables)
