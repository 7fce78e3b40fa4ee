"""The tables that rows make: their names, their Arrow schemas, and their description for people."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Literal, TypeVar

from morphsep.manifest.part_rows import ChunkRow, StepRow
from morphsep.manifest.rows import SCHEMA_VERSION, TrackRow

if TYPE_CHECKING:
    import pyarrow as pa

Table = Literal["tracks", "chunks", "steps"]
AnyRow = TrackRow | ChunkRow | StepRow
Row = TypeVar("Row", TrackRow, ChunkRow, StepRow)


TABLES: dict[type[AnyRow], Table] = {TrackRow: "tracks", ChunkRow: "chunks", StepRow: "steps"}
"""By the class of their rows."""


def schema(row_type: type[AnyRow]) -> pa.Schema:
    """The Arrow schema of a table; every field carries its description."""
    return _schema(TABLES[row_type])


@cache
def _schema(table: Table) -> pa.Schema:
    import pyarrow as pa

    (row_type,) = (row_type for row_type, name in TABLES.items() if name == table)
    return pa.schema(
        [
            pa.field(f.name, f.metadata["type"], metadata={"description": f.metadata["doc"]})
            for f in fields(row_type)
        ],
        metadata={"morphsep": f"{table} {SCHEMA_VERSION}"},
    )


def reference() -> str:
    """The column-by-column reference page (Markdown) of all tables."""
    lines = []
    for row_type, table in TABLES.items():
        lines += [f"### {table}", "", "| column | type | what it says |", "|---|---|---|"]
        lines += [
            f"| `{f.name}` | {f.metadata['type']} | {f.metadata['doc']} |" for f in fields(row_type)
        ]
        lines.append("")
    return "\n".join(lines)
