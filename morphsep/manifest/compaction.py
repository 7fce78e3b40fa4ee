"""Compacting: many parts become few files, and no row is ever only in memory.

A new file is complete before those that it replaces are removed. A kill in between leaves rows
twice, which reading does not mind and the next compaction mends. Parts may be committed meanwhile.
Rows are moved as they are; only those go that a newer row of the same track replaces.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from morphsep.manifest.parts import (
    COMPACTED,
    ROWS,
    batches,
    bundles,
    is_compacted,
    join,
    join_batches,
    listed,
    newest,
    stream,
)
from morphsep.storage import Location, remove_all

if TYPE_CHECKING:
    import pyarrow as pa

FULL = {"tracks": 25_000, "chunks": 1_000_000, "steps": 250_000}
"""Rows from which on a file stays as it is, unless rows in it have been replaced."""

_BUNDLES = 8
"""Bundles of parts that go into one file at first."""

KEYS = ["track", "finished_ns"]

Group = tuple[str, int]
"""Track and finished_ns: the rows of one commit. They lie together, in one file."""


def compact(folders: dict[str, Location], schemas: dict[str, pa.Schema]) -> tuple[int, int]:
    """(files before, files after) of all tables. See `morphsep.manifest.tables.compact`."""
    before = sum(len(listed(folder)) for folder in folders.values())
    for name, folder in folders.items():
        _join_parts(folder, schemas[name])
    tracks = folders["tracks"]
    rows = newest(join(stream(tracks, schemas["tracks"], KEYS))) if listed(tracks) else None
    if rows is not None:
        current = dict(zip(*(rows[key].to_pylist() for key in KEYS), strict=True))
        for name, folder in folders.items():
            _settle(folder, schemas[name], current, FULL[name])
    return before, sum(len(listed(folder)) for folder in folders.values())


def _join_parts(folder: Location, schema: pa.Schema) -> None:
    """Parts into files, as they are."""
    parts = [place for place in listed(folder) if not is_compacted(place)]
    step = _BUNDLES * 1024
    for start in range(0, len(parts), step):
        some = parts[start : start + step]
        rows = join(join_batches(found, schema) for _, found in bundles(some, schema))
        with _new_file(folder) as path:
            _write(path, rows)
        remove_all(some)


@contextlib.contextmanager
def _new_file(folder: Location) -> Iterator[Path]:
    # the name holds a token: a file is never replaced, so that readers can tell what is new
    name = f"{COMPACTED}{time.time_ns()}-{secrets.token_hex(4)}.parquet"
    with (folder / name).writing() as path:
        yield path


def _write(path: Path, table: pa.Table) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, path, compression="zstd", row_group_size=ROWS)


def _settle(folder: Location, schema: pa.Schema, current: dict[str, int], full: int) -> None:
    """Joins small files, and rewrites those with rows that are replaced or elsewhere as well."""
    seen: set[Group] = set()
    todo: list[tuple[Location, int, set[Group]]] = []
    for place in (place for place in listed(folder) if is_compacted(place)):
        groups, num_rows = _groups(place, schema)
        # newer than its track's row: being committed right now, or its commit was cut short
        dead = {g for g in groups if g in seen or g[1] < current.get(g[0], 0)}
        seen |= groups
        if dead or num_rows < full:
            todo.append((place, num_rows, dead))
    if len(todo) == 1 and not todo[0][2]:
        return
    while todo:
        some, rows = [], 0
        while todo and rows < full:
            some.append(todo.pop(0))
            rows += some[-1][1]
        _merge(folder, schema, [(place, dead) for place, _, dead in some])


def _groups(place: Location, schema: pa.Schema) -> tuple[set[Group], int]:
    groups: set[Group] = set()
    num_rows = 0
    for table in batches(place, schema, KEYS):
        num_rows += len(table)
        unique = table.group_by(KEYS).aggregate([])
        groups.update(zip(*(unique[key].to_pylist() for key in KEYS), strict=True))
    return groups, num_rows


def _merge(folder: Location, schema: pa.Schema, files: list[tuple[Location, set[Group]]]) -> None:
    """The rows that live on into one new file; the old ones go."""
    import pyarrow.parquet as pq

    kept = 0
    try:
        with _new_file(folder) as path:
            with pq.ParquetWriter(path, schema, compression="zstd") as writer:
                for place, dead in files:
                    for table in batches(place, schema):
                        alive = _without(table, dead)
                        kept += len(alive)
                        if len(alive):
                            writer.write_table(alive, ROWS)
            if not kept:
                raise _NothingKept
    except _NothingKept:
        pass
    remove_all([place for place, _ in files])


def restamp(folder: Location, stamps: pa.Table, schema: pa.Schema) -> None:
    """Rewrites the compacted files that hold rows of these groups, with the other columns of
    `stamps` in place of theirs."""
    import pyarrow.parquet as pq

    groups = set(zip(*(stamps[key].to_pylist() for key in KEYS), strict=True))
    for place in [place for place in listed(folder) if is_compacted(place)]:
        if groups.isdisjoint(_groups(place, schema)[0]):
            continue
        with (
            _new_file(folder) as path,
            pq.ParquetWriter(path, schema, compression="zstd") as writer,
        ):
            for table in batches(place, schema):
                writer.write_table(_stamped(table, stamps), ROWS)
        remove_all([place])


def _stamped(table: pa.Table, stamps: pa.Table) -> pa.Table:
    import pyarrow.compute as pc

    found = pc.index_in(_group_names(table), value_set=_group_names(stamps).combine_chunks())
    for name in set(stamps.column_names) - set(KEYS):
        column = pc.if_else(pc.is_valid(found), stamps[name].take(found), table[name])
        table = table.set_column(table.column_names.index(name), table.schema.field(name), column)
    return table


class _NothingKept(Exception):  # noqa: N818 - it is none
    """Keeps an empty file from being published."""


def _without(table: pa.Table, dead: set[Group]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not dead:
        return table
    gone = pa.array([f"{track}\0{stamp}" for track, stamp in dead], "string")
    return table.filter(pc.invert(pc.is_in(_group_names(table), value_set=gone)))


def _group_names(table: pa.Table) -> pa.ChunkedArray:
    """A text that names the group of each row."""
    import pyarrow.compute as pc

    moments = pc.cast(table["finished_ns"], "string")
    return pc.binary_join_element_wise(table["track"], moments, "\0")
