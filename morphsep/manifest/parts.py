"""Reading and writing the Parquet files that a table of the manifest consists of.

A *part* is what one commit wrote: few rows, written once, read thousands at a time. Opening a
Parquet file of 50 columns takes milliseconds, so a part carries its rows a second time, as an Arrow
record batch in the footer's key-value metadata, which takes microseconds. Every Parquet reader
sees an ordinary file; we fall back to reading it as one if the batch is not there or of another
schema. *Compacted* files hold many rows and are plain.
"""

from __future__ import annotations

import base64
import io
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from morphsep.storage import Location, StorageError, digest

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")

COMPACTED = "compact-"
"""How the names of compacted files begin."""

ROWS = 1 << 16
"""Rows held in memory at a time, about, and rows of a row group."""

_BUNDLE = 1024
_TRIES = 20


def write_part(place: Location, table: pa.Table) -> None:
    """Writes the rows of one commit, whole or not at all."""
    import pyarrow.parquet as pq

    (batch,) = table.combine_chunks().to_batches()
    rows = base64.b64encode(batch.serialize()) + b";"
    sink = io.BytesIO()
    # no statistics: the footer must hold no text of a row but in what we put there
    lean = {"use_dictionary": False, "write_statistics": False, "store_schema": False}
    with pq.ParquetWriter(sink, table.schema, compression="none", **lean) as writer:
        writer.write_table(table)
        # bound to the data: who rewrites the file with pyarrow copies its metadata as they are
        mark = _mark(_version(table.schema), sink.getvalue())
        writer.add_key_value_metadata({"rows": mark + rows})
    place.write_bytes(sink.getvalue())


def _mark(version: bytes, data: bytes) -> bytes:
    """What stands before the batch: its schema's version, the checksum of the file's data."""
    return b"%s:%08x:" % (version, zlib.crc32(data))


def _version(schema: pa.Schema) -> bytes:
    return digest(*((f.name, f.type) for f in schema))[:24].encode()


def _read_part(place: Location, schema: pa.Schema, version: bytes) -> pa.RecordBatch | None:
    """The rows of one commit, or None if it was compacted away meanwhile."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        data = place.read_bytes()
    except FileNotFoundError:
        return None
    end = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    footer = data[end:-8]
    mark = _mark(version, data[:end])
    start = footer.find(mark)
    if start >= 0:
        start += len(mark)
        rows = base64.b64decode(footer[start : footer.index(b";", start)])
        return pa.ipc.read_record_batch(pa.py_buffer(rows), schema)
    table = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
    return conform(table, schema).combine_chunks().to_batches()[0]


def listed(folder: Location) -> list[Location]:
    """The files of a table."""
    return [place for place in folder.children(".parquet") if not place.name.startswith(".")]


def is_compacted(place: Location) -> bool:
    """Whether compacting made this file."""
    return place.name.startswith(COMPACTED)


def stream(
    folder: Location, schema: pa.Schema, columns: Sequence[str] | None = None
) -> Iterator[pa.Table]:
    """The rows of a table, some at a time; nothing is missed while parts are added and compacted.

    A row may come more than once: from a part, and from the file that it was compacted into.

    Raises:
        StorageError: files vanish as fast as they are listed.
    """
    done: set[Location] = set()
    for _ in range(_TRIES):
        todo = [place for place in listed(folder) if place not in done]
        vanished = yield from _tables(todo, schema, columns)
        done |= set(todo) - vanished
        # a listing is no snapshot: what was moved while it ran is in a compacted file by now
        new = {place for place in listed(folder) if is_compacted(place)} - done
        if not vanished and not new:
            return
    raise StorageError(f"{folder} changes all the time; let only one process compact it")


def _tables(
    places: Sequence[Location], schema: pa.Schema, columns: Sequence[str] | None
) -> Generator[pa.Table, None, set[Location]]:
    """Yields the rows of these files, returns the files that are gone."""
    gone: set[Location] = set()
    for place in filter(is_compacted, places):
        try:
            yield from batches(place, schema, columns)
        except FileNotFoundError:
            gone.add(place)
    parts = [place for place in places if not is_compacted(place)]
    for some, found in bundles(parts, schema):
        gone |= {place for place, rows in zip(some, found, strict=True) if rows is None}
        yield conform(join_batches(found, schema), schema, columns)
    return gone


def bundles(
    parts: Sequence[Location], schema: pa.Schema
) -> Iterator[tuple[Sequence[Location], list[pa.RecordBatch | None]]]:
    """Parts, many at a time, with the rows of each; None where one is gone."""
    version = _version(schema)
    for start in range(0, len(parts), _BUNDLE):
        some = parts[start : start + _BUNDLE]
        yield some, each(lambda place: _read_part(place, schema, version), some)


def join_batches(rows: Iterable[pa.RecordBatch | None], schema: pa.Schema) -> pa.Table:
    """One table of those that are there."""
    import pyarrow as pa

    return pa.Table.from_batches([batch for batch in rows if batch is not None], schema)


def each(operation: Callable[[Location], T], places: Sequence[Location]) -> list[T]:
    """The operation on every file: by many threads where each waits for a network. On a disk it
    is Python's own work that takes the time, and threads only make it longer."""
    if not places or places[0].is_local:
        return [operation(place) for place in places]
    with ThreadPoolExecutor(32) as threads:
        return list(threads.map(operation, places))


def batches(
    place: Location, schema: pa.Schema, columns: Sequence[str] | None = None
) -> Iterator[pa.Table]:
    """The rows of a compacted file, some at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with place.open() as source, pq.ParquetFile(source) as file:
        wanted = columns and [name for name in columns if name in file.schema_arrow.names]
        for batch in file.iter_batches(ROWS, columns=wanted, use_threads=False):
            yield conform(pa.Table.from_batches([batch]), schema, columns)


def join(tables: Iterable[pa.Table]) -> pa.Table:
    """One table of many, in memory once."""
    import pyarrow as pa

    return pa.concat_tables(tables).combine_chunks()


def conform(table: pa.Table, schema: pa.Schema, columns: Sequence[str] | None = None) -> pa.Table:
    """The columns asked for (all of the schema if None), null where an older version has none."""
    import pyarrow as pa

    fields = [schema.field(name) for name in (schema.names if columns is None else columns)]
    arrays = [
        table[field.name].cast(field.type)
        if field.name in table.column_names
        else pa.nulls(len(table), field.type)
        for field in fields
    ]
    # the copy is one piece a column, and keeps nothing alive but what was asked for
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, schema.metadata)).combine_chunks()


def newest(table: pa.Table) -> pa.Table:
    """The newest row of every track, in order of their names."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = table.sort_by([("track", "ascending"), ("finished_ns", "descending")])
    if len(table) < 2:
        return table
    names = table["track"].combine_chunks()
    differs = pc.not_equal(names.slice(1), names.slice(0, len(names) - 1))
    return table.filter(pa.concat_arrays([pa.array([True]), differs]))
