"""The length of a FLAC that was written into a pipe and so does not know it.

libsndfile cannot tell its length, so it is read off the last frame. Format: RFC 9639.
"""

from __future__ import annotations

from typing import BinaryIO

TAIL = 2**18
"""Bytes at the end in which a whole frame must lie."""
HEADER_BYTES = 16
"""A frame header is at most this long."""
BLOCK_SIZES = {1: 192, **{code: 144 << code for code in range(2, 6)}} | {
    code: 1 << code for code in range(8, 16)
}
"""Samples of a frame by the header's code; 6 and 7 are followed by 8 and 16 bits of size."""


def sized_header(file: BinaryIO, start: int) -> bytes | None:
    """The file's first bytes with the missing length filled in, None where it is not missing.

    ``start`` is where ``fLaC`` stands.
    """
    file.seek(0)
    head = bytearray(file.read(start + 26))
    if len(head) < start + 26 or head[start + 21] & 15 or any(head[start + 22 :]):
        return None
    total = _last_sample(file, int.from_bytes(head[start + 8 : start + 10], "big"))
    if total is None:
        return None
    head[start + 21] |= total >> 32 & 15
    head[start + 22 :] = (total & 0xFFFFFFFF).to_bytes(4, "big")
    return bytes(head)


def _last_sample(file: BinaryIO, block_size: int) -> int | None:
    """Where the last frame ends, in samples; frames are found by sync code and CRC-8."""
    size = file.seek(0, 2)
    file.seek(max(0, size - TAIL))
    tail = file.read()
    position = len(tail)
    while (position := tail.rfind(b"\xff", 0, position)) >= 0:
        frame = tail[position : position + HEADER_BYTES]
        if len(frame) > 5 and frame[1] & 0xFE == 0xF8:
            end = _frame_end(frame, block_size)
            if end is not None:
                return end
    return None


def _frame_end(frame: bytes, block_size: int) -> int | None:
    """Number of the sample behind a frame, None if its header's checksum is wrong."""
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
