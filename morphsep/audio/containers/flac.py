"""The length of a FLAC file whose header lacks it (written into a pipe) or has it wrong.

libsndfile trusts the header alone, so the length is read from the last frame. Format: RFC 9639.
"""

from __future__ import annotations

from typing import BinaryIO

TAIL = 2**18
"""Bytes that are searched at a time, from the end, for the last frame."""
MAX_TAIL = 2**26
"""Bytes at the end in which the last frame is looked for: before it may lie large tags."""
HEADER_BYTES = 16
"""A frame header is at most this long."""
BLOCK_SIZES = {1: 192, **{code: 144 << code for code in range(2, 6)}} | {
    code: 1 << code for code in range(8, 16)
}
"""Samples of a frame by the header's code; after codes 6 and 7 the size follows in 8 or 16 bits."""


def promised(file: BinaryIO, start: int) -> int | None:
    """Samples per channel by STREAMINFO, 0 for unknown, None where it is cut off.

    ``start`` is the offset of ``fLaC``, here and below.
    """
    file.seek(start)
    head = file.read(26)
    return None if len(head) < 26 else (head[21] & 15) << 32 | int.from_bytes(head[22:], "big")


def counted(file: BinaryIO, start: int) -> int | None:
    """Samples per channel by the last frame's header, None if none is found.

    Bytes of a frame can look like a header by chance, so an answer that differs from STREAMINFO
    needs proof.
    """
    found = last_frame(file, start)
    return found and found[1]


def last_frame(file: BinaryIO, start: int) -> tuple[int, int] | None:
    """Offset of the last frame, and where it ends in samples; found by sync code and CRC-8."""
    file.seek(start + 8)
    block_size = int.from_bytes(file.read(2), "big")
    stop = file.seek(0, 2)
    least = max(start, stop - MAX_TAIL)
    while stop > least:
        begin = max(least, stop - TAIL)
        file.seek(begin)
        found = _last_frame(file.read(stop - begin + HEADER_BYTES), stop - begin, block_size)
        if found is not None:
            return begin + found[0], found[1]
        stop = begin
    return None


def frames_start(file: BinaryIO, start: int) -> int:
    """Offset of the first frame: the end of the metadata."""
    position, end = start + 4, file.seek(0, 2)
    while position < end:
        file.seek(position)
        head = file.read(4)
        position += 4 + int.from_bytes(head[1:], "big")
        if len(head) < 4 or head[0] & 0x80:
            break
    return min(position, end)


def header_with(file: BinaryIO, start: int, total: int) -> bytes:
    """The file's first bytes up to and including the length, which is set to ``total`` samples."""
    file.seek(0)
    head = bytearray(file.read(start + 26))
    head[start + 21] = head[start + 21] & 0xF0 | total >> 32 & 15
    head[start + 22 :] = (total & 0xFFFFFFFF).to_bytes(4, "big")
    return bytes(head)


def _last_frame(block: bytes, before: int, block_size: int) -> tuple[int, int] | None:
    """`last_frame`, of those that begin before an offset within these bytes."""
    position = before
    while (position := block.rfind(b"\xff", 0, position)) >= 0:
        frame = block[position : position + HEADER_BYTES]
        if len(frame) > 5 and frame[1] & 0xFE == 0xF8:
            end = _frame_end(frame, block_size)
            if end is not None:
                return position, end
    return None


def _frame_end(frame: bytes, block_size: int) -> int | None:
    """Number of the first sample after a frame, None if its header's checksum is wrong."""
    first = frame[4]
    extra = 0 if first < 0x80 else max(0, 8 - (first ^ 0xFF).bit_length() - 1)
    number = first if extra == 0 else first & 0x3F >> extra
    for byte in frame[5 : 5 + extra]:
        number = number << 6 | byte & 0x3F
    code, position = frame[2] >> 4, 5 + extra
    wide = {6: 1, 7: 2}.get(code, 0)
    length = (
        int.from_bytes(frame[position : position + wide], "big") + 1
        if wide
        else BLOCK_SIZES.get(code, 0)
    )
    position += wide + {12: 1, 13: 2, 14: 2}.get(frame[2] & 15, 0)
    if position >= len(frame) or length == 0 or _crc8(frame[:position]) != frame[position]:
        return None
    is_variable = frame[1] & 1
    return (number if is_variable else number * block_size) + length


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc
