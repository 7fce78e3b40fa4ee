"""What a format is, and what formats have in common: rows with their sound, and tar files whose
bytes depend on what is put in alone."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from morphsep.dataset.columns import AUDIO
from morphsep.dataset.shards import Written

ROWS = 16
"""Rows that are read at once."""

Row = Mapping[str, Any]


class Form(Protocol):
    """A format of another loader, for a data set that has these columns of sound."""

    def __init__(self, sounds: Sequence[str]) -> None: ...

    def files(self, shard: Written) -> Sequence[str]:
        """The files that a shard becomes, below the export's folder. The first is put in its place
        last."""
        ...

    def write(self, rows: Iterable[Row], paths: Sequence[Path]) -> None:
        """Writes a shard's rows to these files."""
        ...


def rows_of(path: Path) -> Iterator[Row]:
    """The rows of a shard, in their order, a few in memory at a time."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS):
            yield from batch.to_pylist()


def said(row: Row) -> dict[str, Any]:
    """All of a row but its sound."""
    return {name: value for name, value in row.items() if name not in AUDIO}


def as_json(value: Any) -> bytes:
    """One line, without its end."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def open_tar(path: Path) -> tarfile.TarFile:
    """A tar file to be written."""
    return tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)


def add(to: tarfile.TarFile, name: str, data: bytes) -> None:
    """Puts a file in, of no owner and no time."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    to.addfile(info, io.BytesIO(data))
