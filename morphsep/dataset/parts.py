"""Parts of a data set: the rows of one source, as its worker leaves them until there are shards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from morphsep.dataset.columns import schema
from morphsep.dataset.recipe import DataRecipe
from morphsep.dataset.rendering import Row
from morphsep.request import Job
from morphsep.stages import Workspace
from morphsep.storage import Location, digest

if TYPE_CHECKING:
    import pyarrow as pa

GROUP_BYTES = 8 * 2**20
"""Of a row group, about: what is in memory at a time. Readers want at most 100 MB."""
GROUP_ROWS = 1000
WRITING: dict[str, Any] = {
    "use_dictionary": ["dry.bytes", "backing.bytes"],
    "dictionary_pagesize_limit": 2**26,
    "compression": "none",
    "write_page_index": True,
}
"""How Parquet is written. Dry and backing are the same in all rows of a clip, and so stand there
once for all; FLAC does not get any smaller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The note of a part, written when the part is whole."""

    rows: int
    groups: Sequence[tuple[int, int]]
    """(rows, bytes) of each row group: a clip, or some rows of one."""
    rejected: Sequence[Mapping[str, Any]]
    clips: int
    """Clips that were rendered."""
    without_guitar: int
    """Clips' lengths of the source in which no guitar plays."""


class Parts:
    """Where the parts of a data set lie, in the work directory."""

    def __init__(self, workspace: Workspace, recipe: DataRecipe) -> None:
        self._root = workspace.root / "clips"
        self._folder = self._root / recipe.key[:32]
        self.schema = schema(recipe.rate, backing=recipe.backing, sound=recipe.sound)

    def name(self, job: Job, stem_key: str) -> str:
        """Names the part of a source: all that its rows say or sound like."""
        return digest(job.track, stem_key, job.list_columns)[:32]

    def rows(self, name: str) -> Location:
        """The Parquet file of a part."""
        return self._folder / f"{name}.parquet"

    def whole(self) -> set[str]:
        """The names of the parts whose rows and note are there: one listing."""
        there = {place.name for place in self._folder.children()}
        names = {name.removesuffix(".json") for name in there if name.endswith(".json")}
        return {name for name in names if f"{name}.parquet" in there}

    def find(self, name: str) -> Part | None:
        """The note of a part; None if it, or its rows, are not there."""
        return self.note(name) if self.rows(name).exists() else None

    def note(self, name: str) -> Part | None:
        """The note of a part, whether or not its rows are there."""
        values = (self._folder / f"{name}.json").read_json()
        return None if values is None else Part(**values)

    def write(self, name: str, clips: Iterable[Iterable[Row]]) -> list[tuple[int, int]]:
        """Writes the rows of each clip as a row group, or as several where there are many; returns
        (rows, bytes) of each."""
        import pyarrow.parquet as pq

        groups = []
        with self.rows(name).writing() as path:
            with pq.ParquetWriter(path, self.schema, **WRITING) as writer:
                for rows in chain.from_iterable(map(_groups, clips)):
                    writer.write_table(self._table(rows), row_group_size=len(rows))
                    groups.append(len(rows))
                    release_memory()
            found = pq.read_metadata(path)
            sizes = [group_size(found.row_group(n)) for n in range(found.num_row_groups)]
        return list(zip(groups, sizes, strict=True))

    def finish(self, name: str, part: Part) -> None:
        """Writes the note."""
        (self._folder / f"{name}.json").write_json(
            {field: getattr(part, field) for field in Part.__slots__}
        )

    def _table(self, rows: Sequence[Row]) -> pa.Table:
        """Rows as a table; columns that they lack are null."""
        import pyarrow as pa

        return pa.Table.from_pylist([dict(row) for row in rows], schema=self.schema)

    def remove(self) -> None:
        """Removes all parts, of other recipes too."""
        self._root.remove_tree()


def _groups(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Neighbours together, up to `GROUP_BYTES` of sound and `GROUP_ROWS`."""
    group: list[Row] = []
    size = 0
    for row in rows:
        own = _bytes(row, ("wet", "mix"))
        if group and (size + own > GROUP_BYTES or len(group) == GROUP_ROWS):
            yield group
            group = []
        if not group:
            size = _bytes(row, ("dry", "backing"))
        group.append(row)
        size += own
    if group:
        yield group


def _bytes(row: Row, columns: Iterable[str]) -> int:
    """Of these columns of sound."""
    return sum(len(row[name]["bytes"]) for name in columns if name in row)


def release_memory() -> None:
    """Gives free memory back to the system. From now on Arrow takes its own from where numpy does:
    else each keeps what the other could use (measured: 90 MB over eight songs)."""
    import pyarrow as pa

    pa.set_memory_pool(pa.system_memory_pool())
    pa.default_memory_pool().release_unused()


def group_size(group: Any) -> int:
    """Bytes of a row group in its file."""
    return sum(group.column(n).total_compressed_size for n in range(group.num_columns))
