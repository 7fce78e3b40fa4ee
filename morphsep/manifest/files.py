"""The column `files`: further files of a track, each with its digest and how it looked."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from morphsep.manifest.rows import TrackRow


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that belongs to a track."""

    path: str
    """Below the output folder."""
    sha256: str
    stamp: str | None = None
    """See `morphsep.storage.full_stamps`."""


def files_column(files: Iterable[File]) -> str | None:
    """Files as the column holds them; None if there are none."""
    found = [asdict(file) for file in files]
    return json.dumps(found, ensure_ascii=False) if found else None


def files_of(row: TrackRow) -> list[File]:
    """The further files of a track."""
    return [File(**values) for values in json.loads(row.files or "[]")]
