"""WebDataset: tar files in which all that belongs to a row stands side by side, under one name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from morphsep.dataset.export.form import Row, add, as_json, open_tar, said
from morphsep.dataset.shards import Written


class WebDataset:
    """``train-000000.tar`` with ``KEY.json``, ``KEY.dry.flac``, ``KEY.wet.flac``, ... of each row.

    KEY is the row's id with ``_`` for ``.``: the format ends a name at its first dot.
    """

    def __init__(self, sounds: Sequence[str]) -> None:
        self._sounds = sounds

    def files(self, shard: Written) -> list[str]:
        return [f"{shard.split}-{shard.number:06d}.tar"]

    def write(self, rows: Iterable[Row], paths: Sequence[Path]) -> None:
        with open_tar(paths[0]) as tar:
            for row in rows:
                key = row["id"].replace(".", "_")
                add(tar, f"{key}.json", as_json(said(row)))
                for sound in self._sounds:
                    add(tar, f"{key}.{sound}.flac", row[sound]["bytes"])
