"""The header of AU files (Sun, 1988), big endian as all of them are that have one."""

from __future__ import annotations

import struct
from typing import BinaryIO

MAGIC = b".snd"
HEADER_BYTES = 24
UNKNOWN = 0xFFFFFFFF


def find_data(file: BinaryIO, start: int) -> tuple[int, int] | None:
    """Offsets of the first byte of the samples and of the first behind them, by the header; to the
    end of the file where it was written into a pipe. None if the header is cut off."""
    file.seek(start)
    head = file.read(HEADER_BYTES)
    if len(head) < HEADER_BYTES:
        return None
    offset, size = struct.unpack_from(">II", head, 4)
    begin = start + offset
    return begin, file.seek(0, 2) if size in (0, UNKNOWN) else begin + size
