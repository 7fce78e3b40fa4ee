"""Where MPEG's transport and program streams end, by their packets (ISO/IEC 13818-1, 11172-1).

Both may be joined, or lack bytes: where a packet is none, the next good ones are looked for.
"""

from __future__ import annotations

import re
from typing import BinaryIO

TS_PACKET = 188
TS_PACKETS = 5000
"""Read at a time."""
TS_IN_A_ROW = 5
BLOCK = TS_PACKET * TS_PACKETS
OVERLAP = TS_PACKET * TS_IN_A_ROW
"""Bytes of a block that are read again with the next one."""
GOES_ON = {
    "MPEGTS": re.compile(rb"G(?:.{187}G){%d}" % TS_IN_A_ROW, re.DOTALL),
    "MPEGPS": re.compile(rb"\0\0\x01\xba[\x21-\x2f\x44-\x7f]", re.DOTALL),
}
"""What is a packet, and no chance."""
PACK, PROGRAM_END = 0xBA, 0xB9


def transport_end(file: BinaryIO, position: int) -> int:
    """Offset of the first byte behind the last packet, beyond the file's end if that is cut."""
    while True:
        file.seek(position)
        marks = file.read(BLOCK)[::TS_PACKET]
        num_good = len(marks) - len(marks.lstrip(b"G"))
        position += num_good * TS_PACKET
        if num_good < TS_PACKETS:
            following = _next(file, position, "MPEGTS")
            if following is None:
                return position
            position = following


def program_end(file: BinaryIO, position: int) -> int:
    """Offset of the first byte behind the last packet, beyond the file's end if that is cut."""
    while True:
        file.seek(position)
        length = _program_bytes(file.read(14))
        if length is None:
            following = _next(file, position, "MPEGPS")
            if following is None:
                return position
            position = following
        else:
            position += length


def _program_bytes(head: bytes) -> int | None:
    """Length of the packet that begins with these bytes, None if none does."""
    if head[:3] != b"\0\0\x01" or len(head) < 4 or head[3] < PROGRAM_END:
        return None
    if head[3] == PROGRAM_END:
        return 4
    if len(head) < 6:
        return 6  # cut off within its header
    if head[3] == PACK:
        is_version_1 = head[4] >> 6 != 1
        return 12 if is_version_1 else 14 + (head[13] & 7 if len(head) == 14 else 0)
    return 6 + int.from_bytes(head[4:6], "big")


def _next(file: BinaryIO, position: int, kind: str) -> int | None:
    """Where packets go on; None if they do not."""
    while True:
        file.seek(position)
        block = file.read(BLOCK)
        found = GOES_ON[kind].search(block)
        if found is not None or len(block) < BLOCK:
            return found and position + found.start()
        position += BLOCK - OVERLAP
