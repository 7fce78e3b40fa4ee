"""Tables in files, whatever their columns mean: text, JSON lines, Parquet."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morphsep.request.delimited import decode, read_delimited

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

Rows = list[tuple[str, dict[str, Any]]]
"""(which row, for a sentence; its values by the names of their columns)"""

BYTES = ".bytes"
"""How Parquet names the part of a column that holds the content of files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The content of a file."""

    columns: list[str]
    """Their names as they are written."""
    rows: Rows
    files: Mapping[str, Sequence[bool]] = field(default_factory=dict)
    """Columns with the structure of a data set's files, `{bytes, path}`, and which of their rows
    hold bytes."""


def _delimited(file: Path, known: Sequence[str]) -> Table:
    """
    Raises:
        ValueError: it is empty, names a column twice, or a line has more cells than columns.
    """
    lines = read_delimited(file, known)
    if not lines:
        raise ValueError("it is empty")
    names = [cell or f"column {number}" for number, cell in enumerate(lines[0].cells, start=1)]
    if len(names) > len(set(names)):
        raise ValueError(f"its first line names {max(names, key=names.count)} twice")
    rows: Rows = []
    for line in lines[1:]:
        if len(line.cells) > len(names):
            raise ValueError(
                f"line {line.number} has {len(line.cells)} cells, and the first line names "
                f"{len(names)} columns; a cell with the separator in it, such as the decimal comma "
                'of "0,5", has to be in quotes'
            )
        cells = line.cells + [""] * (len(names) - len(line.cells))
        rows.append((f"line {line.number}", dict(zip(names, cells, strict=True))))
    return Table(columns=names, rows=rows)


def _json_lines(file: Path, known: Sequence[str]) -> Table:
    """
    Raises:
        ValueError: a line is no JSON object.
    """
    rows: Rows = []
    for number, line in enumerate(decode(file.read_bytes()).split("\n"), start=1):
        if line.strip():
            rows.append((f"line {number}", _json_object(number, line)))
    return Table(columns=list(dict.fromkeys(name for _, row in rows for name in row)), rows=rows)


def _json_object(number: int, line: str) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"line {number} is no JSON: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"line {number} is no JSON object")
    return values


def _parquet(file: Path, known: Sequence[str]) -> Table:
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as table:
        schema = table.schema_arrow
        files = {name for column in schema for name, is_file in _parts(column) if is_file}
        # sound and pictures inside a list would fill the memory
        wanted = [name for column in schema for name, is_file in _parts(column) if not is_file]
        batches = table.iter_batches(columns=wanted)
        values = (row for batch in batches for row in batch.to_pylist())
        rows = [(f"row {number}", row) for number, row in enumerate(values, start=1)]
        held = {name.removesuffix(BYTES): list(_are_filled(table, name)) for name in files}
    return Table(columns=schema.names, rows=rows, files=held)


def _parts(column: pa.Field) -> Iterator[tuple[str, bool]]:
    """(name, whether it holds files) of a column, or of the parts of one with a structure."""
    import pyarrow as pa

    if not pa.types.is_struct(column.type):
        yield column.name, False
        return
    for part in column.type:
        is_bytes = pa.types.is_binary(part.type) or pa.types.is_large_binary(part.type)
        name = f"{column.name}.{part.name}"
        yield name, is_bytes and name.endswith(BYTES)


def _are_filled(table: pq.ParquetFile, name: str) -> Iterator[bool]:
    """Whether each row holds something in a part of a column; where all or none do, by the
    statistics."""
    part = name.removesuffix(BYTES)
    for group in range(table.num_row_groups):
        of_group = table.metadata.row_group(group)
        columns = map(of_group.column, range(of_group.num_columns))
        found = next(each.statistics for each in columns if each.path_in_schema == name)
        if found and found.has_null_count and found.null_count in (0, of_group.num_rows):
            yield from [found.null_count == 0] * of_group.num_rows
        else:
            for batch in table.iter_batches(16, row_groups=[group], columns=[name]):
                cells = batch.column(part)
                yield from (cell.is_valid and cell["bytes"].is_valid for cell in cells)


READERS: Mapping[str, Callable[[Path, Sequence[str]], Table]] = {
    "csv": _delimited, "tsv": _delimited, "jsonl": _json_lines, "parquet": _parquet,
}  # fmt: skip
LISTS = tuple(READERS)
"""Extensions of lists."""
