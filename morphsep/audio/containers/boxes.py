"""The top of MP4 and QuickTime files: their tracks, and whether a second file follows.

Format: ISO/IEC 14496-12.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAX_BOXES = 100_000
"""A damaged file must not keep the walk busy for ever."""
WAY_TO_TRACKS = (b"trak", b"mdia")
"""Boxes inside ``moov`` that lead to a track's handler."""


@dataclass(frozen=True, slots=True)
class Movie:
    """What the boxes say."""

    num_sounds: int
    num_pictures: int
    second: int | None
    """Offset of a second file behind the first one."""
    end: int
    """Offset of the first byte that belongs to no box."""


def read_movie(file: BinaryIO, start: int = 0) -> Movie:
    """Walks the boxes from ``start`` on; those that leave the file end the walk."""
    handlers: list[bytes] = []
    second, end, seen = None, start, set[bytes]()
    for name, begin, stop in _boxes(file, start, file.seek(0, 2)):
        if name in (b"ftyp", b"moov") and name in seen and second is None:
            second = end
        if second is None and name == b"moov":
            handlers += _handlers(file, begin, stop, WAY_TO_TRACKS)
        seen.add(name)
        end = stop
    return Movie(handlers.count(b"soun"), handlers.count(b"vide"), second, end)


def _handlers(file: BinaryIO, start: int, stop: int, way: tuple[bytes, ...]) -> Iterator[bytes]:
    """The kinds of a movie's tracks."""
    for name, begin, end in _boxes(file, start, stop):
        if way and name == way[0]:
            yield from _handlers(file, begin, end, way[1:])
        elif not way and name == b"hdlr":
            file.seek(begin + 8)
            yield file.read(4)


def _boxes(file: BinaryIO, position: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """(name, first byte of the content, one after the last) of boxes side by side."""
    for _ in range(MAX_BOXES):
        file.seek(position)
        head = file.read(16)
        size, content = int.from_bytes(head[:4], "big"), position + 8
        if size == 1:
            size, content = int.from_bytes(head[8:16], "big"), position + 16
        end = stop if size == 0 else position + size
        if len(head) < 8 or position + 8 > stop or end < content or end > stop:
            return
        yield head[4:8], content, end
        position = end
