"""Fingerprints of many recordings: on disk, since those of a large data set are gigabytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import IO

import numpy as np

from morphsep.dataset.fingerprints import Words


class Prints(Mapping[str, Words]):
    """The words of each recording by its name, kept in a file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._places: dict[str, tuple[int, int]] = {}
        """Where the words of each begin, and how many there are."""
        self._end = 0

    def add(self, name: str, words: Words) -> None:
        """The next recording.

        Raises:
            OSError: the disk is full.
        """
        self._file.seek(4 * self._end)
        self._file.write(words.astype("<u4", copy=False).data)
        self._places[name] = self._end, len(words)
        self._end += len(words)

    def __getitem__(self, name: str) -> Words:
        start, number = self._places[name]
        self._file.seek(4 * start)
        return np.frombuffer(self._file.read(4 * number), "<u4")

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)
