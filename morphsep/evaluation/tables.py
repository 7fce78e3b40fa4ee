"""Tables on paper: Parquet for programs, Markdown for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from morphsep.evaluation.texts import markdown

if TYPE_CHECKING:
    import pyarrow as pa

    from morphsep.storage import Location


def write_parquet(place: Location, rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> None:
    """Writes rows, whole or not at all; without any, the columns are there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with place.writing() as path:
        pq.write_table(pa.Table.from_pylist(rows, schema), path, compression="zstd")


def defined(value: float | None) -> float | None:
    """A number as a table has it: nothing where it is not defined."""
    return value if value is not None and isfinite(value) else None


def write_markdown(place: Location, lines: Iterable[str]) -> None:
    """Writes lines, whole or not at all."""
    place.write_bytes(("\n".join(lines) + "\n").encode("utf-8"))


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table; cells are shown as they are."""
    yield _row(markdown(head) for head in heads)
    yield _row("---" for _ in heads)
    yield from (_row(markdown(cell) for cell in cells) for cells in rows)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
