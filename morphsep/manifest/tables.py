"""The manifest: Parquet tables that say what was done, one row a track, a chunk, a step.

``OUT/manifest/tracks/*.parquet``, ``chunks/*.parquet`` and ``steps/*.parquet``. A track is
committed by one part in each, its own last: the track's row is what makes the others count. Of
several rows of one track the newest counts, so parts can be added and compacted at any moment
without a lock.
The columns, their units and types are those of `TrackRow`, `ChunkRow` and `StepRow`.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from morphsep.manifest.part_rows import ChunkRow, StepRow
from morphsep.manifest.parts import conform, join, newest, stream, write_part
from morphsep.manifest.rows import STAMPED, Out, TrackRow
from morphsep.manifest.schemas import TABLES, Row, Table, schema
from morphsep.storage import Location, digest, location

if TYPE_CHECKING:
    import pyarrow as pa

    from morphsep.storage import Location


def table_folder(out: Out, table: Table) -> Location:
    """Where the parts of a table lie."""
    return location(out) / "manifest" / table


def commit(
    out: Out,
    track: TrackRow,
    chunks: Sequence[ChunkRow] = (),
    steps: Sequence[StepRow] = (),
    after: int = 0,
) -> TrackRow:
    """Writes a track's rows for good: its chunks' and steps' parts, then its own. Returns its row.

    Args:
        after: `finished_ns` that the new row has to be later than, such as that of the row it
            replaces: it counts even if this machine's clock is behind the one that wrote that.
    """
    now = max(time.time_ns(), after + 1)
    name = f"{digest(track.track)[:24]}-{now}.parquet"
    if chunks:
        stamped = [replace(row, finished_ns=now) for row in chunks]
        write_part(table_folder(out, "chunks") / name, _table(stamped, ChunkRow))
    if steps:
        done = [replace(row, finished_ns=now) for row in steps]
        write_part(table_folder(out, "steps") / name, _table(done, StepRow))
    track = replace(track, finished_ns=now)
    write_part(table_folder(out, "tracks") / name, _table([track], TrackRow))
    return track


def _table(rows: Sequence[Row], row_type: type[Row]) -> pa.Table:
    import pyarrow as pa

    shape = schema(row_type)
    columns = [pa.array([getattr(row, f.name) for row in rows], f.type) for f in shape]
    return pa.Table.from_arrays(columns, schema=shape)


def read_known(out: Out, columns: Sequence[str], tracks: Collection[str] | None = None) -> pa.Table:
    """Some columns of every track's newest row, in order of the tracks' names.

    `track` and `finished_ns` come first, asked for or not. Far lighter than `read_tracks`: for
    resuming and for status.

    Args:
        tracks: only those; None: all.
    """
    names = list(dict.fromkeys(["track", "finished_ns", *columns]))
    shape = schema(TrackRow)
    found = [*_only(stream(table_folder(out, "tracks"), shape, names), tracks)]
    return newest(join(found)) if found else conform(shape.empty_table(), shape, names)


def _only(tables: Iterator[pa.Table], tracks: Collection[str] | None) -> Iterator[pa.Table]:
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = None if tracks is None else pa.array(list(tracks), "string")
    for table in tables:
        if wanted is None:
            yield table
        else:
            yield table.filter(pc.is_in(table["track"], value_set=wanted))


def count_by_status(out: Out) -> dict[str, int]:
    """How many tracks there are of each status."""
    counts = read_known(out, ["status"])["status"].value_counts()
    return {str(count["values"]): int(count["counts"]) for count in counts.to_pylist()}


def count_lacking_tags(out: Out) -> int:
    """How many finished tracks lack tags of their input."""
    tags = read_known(out, ["tags_warning"])["tags_warning"]
    return len(tags) - int(tags.null_count)


def read_tracks(out: Out, tracks: Collection[str] | None = None) -> list[TrackRow]:
    """The newest row of every track (or of those named), in order of their names."""
    return rows_of(read_known(out, schema(TrackRow).names, tracks), TrackRow)


def rows_of(table: pa.Table, row_type: type[Row]) -> list[Row]:
    """Rows of a table that has some of their columns."""
    names = [f.name for f in fields(row_type) if f.name in table.column_names]
    columns = [_values(table[name]) for name in names]
    return [
        row_type(**dict(zip(names, values, strict=True))) for values in zip(*columns, strict=True)
    ]


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Python values; equal texts are one object, since settings repeat in every row."""
    import pyarrow as pa

    if not pa.types.is_string(column.type):
        return list(column.to_pylist())
    texts = column.combine_chunks().dictionary_encode()
    known = texts.dictionary.to_pylist()
    return [None if i is None else known[i] for i in texts.indices.to_pylist()]


def read_chunks(out: Out, tracks: Sequence[TrackRow] | None = None) -> list[ChunkRow]:
    """The rows of every chunk that belongs to a track's newest row, in order.

    Args:
        tracks: what `read_tracks` gave, if it is at hand.
    """
    found = dict(chunks_by_track(out, tracks))
    return [row for track in sorted(found) for row in found[track]]


def chunks_by_track(
    out: Out, tracks: Sequence[TrackRow] | None = None
) -> Iterator[tuple[str, list[ChunkRow]]]:
    """The same by track, each with its chunks in order, the tracks in none; flat memory.

    Tracks that have no chunks do not come.
    """
    known = _known(out) if tracks is None else _table(tracks, TrackRow).select(_KNOWN)
    done: set[str] = set()
    held: dict[int, ChunkRow] = {}
    track = ""
    for table in stream(table_folder(out, "chunks"), schema(ChunkRow)):
        for row in rows_of(_current(table, known), ChunkRow):
            if row.track != track and held:
                done.add(track)
                yield track, [held[index] for index in sorted(held)]
                held = {}
            if row.track not in done:
                track = row.track
                held[row.index] = row
    if held:
        yield track, [held[index] for index in sorted(held)]


def steps_by_track(out: Out, tracks: Sequence[TrackRow]) -> dict[str, list[StepRow]]:
    """The steps of these rows' restorations, in their order; tracks that have none are left out."""
    known = _table(tracks, TrackRow).select(_KNOWN)
    found: dict[str, dict[int, StepRow]] = {}
    for table in stream(table_folder(out, "steps"), schema(StepRow)):
        for row in rows_of(_current(table, known), StepRow):
            found.setdefault(row.track, {})[row.index] = row
    return {track: [rows[index] for index in sorted(rows)] for track, rows in found.items()}


def rows_with_chunks(
    out: Out, tracks: Sequence[TrackRow]
) -> Iterator[tuple[TrackRow, list[ChunkRow]]]:
    """These tracks, each once with its chunks in order; those that have none come last."""
    left = {row.track: row for row in tracks}
    for track, chunks in chunks_by_track(out, tracks):
        yield left.pop(track), chunks
    yield from ((row, []) for row in left.values())


_GROUP = ["track", "finished_ns"]
_KNOWN = [*_GROUP, "key"]


def _known(out: Out) -> pa.Table:
    return read_known(out, _KNOWN)


def _current(rows: pa.Table, tracks: pa.Table) -> pa.Table:
    """Those of some chunks or steps that belong to one of these tracks' rows."""
    import pyarrow.compute as pc

    found = pc.index_in(rows["track"], value_set=tracks["track"].combine_chunks())
    same = [pc.equal(rows[name], pc.take(tracks[name], found)) for name in ("finished_ns", "key")]
    return rows.filter(pc.and_(*same))


def restamp(out: Out, rows: Sequence[TrackRow]) -> None:
    """Puts the columns `STAMPED` of these rows into the rows of the same moment that lie there;
    nothing else of them changes. By one process at a time, like `compact`."""
    from morphsep.manifest.compaction import restamp as put_stamps

    compact(out)
    names = [*_GROUP, *STAMPED]
    put_stamps(table_folder(out, "tracks"), _table(rows, TrackRow).select(names), schema(TrackRow))


def compact(out: Out) -> tuple[int, int]:
    """Joins the parts of each table into few files and drops rows that newer ones replace.

    May be called at any time, by one process at a time, while others commit and read. Files that
    are large already stay as they are, unless rows in them have been replaced.

    Returns:
        (files before, files after), all tables together.
    """
    from morphsep.manifest.compaction import compact as join_parts

    schemas: dict[str, pa.Schema] = {table: schema(row_type) for row_type, table in TABLES.items()}
    return join_parts({table: table_folder(out, table) for table in TABLES.values()}, schemas)
