"""A file put together from parts of another, without a copy of it."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import BinaryIO

from morphsep.storage import Seekable

BLOCK = 2**16
"""Bytes that are read ahead."""
Piece = bytes | tuple[int, int]
"""Bytes, or a span (first byte, one after the last) of the file underneath."""


class Spliced(Seekable):
    """What is read of ``file`` in ``pieces``, one after the other."""

    def __init__(self, file: BinaryIO, *pieces: Piece) -> None:
        self._file, self._pieces = file, pieces
        self._block, self._block_start = b"", 0
        self._ends = list(accumulate(_length(piece) for piece in pieces))
        super().__init__(self._ends[-1] if pieces else 0)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # one kind of buffer
        done = 0
        while done < len(buffer) and self._position < self._length:
            part = self._read(len(buffer) - done)
            if not part:  # the file underneath has shrunk
                break
            buffer[done : done + len(part)] = part
            done += len(part)
            self._position += len(part)
        return done

    def _read(self, most: int) -> bytes:
        """What lies at the position, up to the end of its piece."""
        index = bisect_right(self._ends, self._position)
        piece, end = self._pieces[index], self._ends[index]
        inside = self._position - (end - _length(piece))
        wanted = min(most, end - self._position)
        if isinstance(piece, bytes):
            return piece[inside : inside + wanted]
        return self._underneath(piece[0] + inside, wanted)

    def _underneath(self, start: int, wanted: int) -> bytes:
        """Up to ``wanted`` bytes of the file underneath: decoders ask for a few at a time."""
        at = start - self._block_start
        if not 0 <= at < len(self._block):
            self._file.seek(start)
            self._block_start, self._block, at = start, self._file.read(max(BLOCK, wanted)), 0
        return self._block[at : at + wanted]


def _length(piece: Piece) -> int:
    return len(piece) if isinstance(piece, bytes) else max(0, piece[1] - piece[0])
