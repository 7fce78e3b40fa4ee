"""Where the one recording of a container ends, by the container's own structure.

Formats: WavPack 4, True Audio 1, ASF, Matroska (EBML, RFC 8794), DSF 1.01, AVI, Monkey's
Audio 3.98, Musepack 8, TAK, FLV 1; in `boxes`: MP4; in `packets`: MPEG.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable
from typing import BinaryIO

from morphsep.audio.containers import boxes, packets

TTA_FRAME = 256 / 245
"""Seconds."""
INITIAL_BLOCK = 0x800
"""WavPack's flag of the first block of a span of samples."""
ASF_OBJECTS = [
    bytes.fromhex(guid)
    for guid in (
        "3626b2758e66cf11a6d900aa0062ce6c", "90080033b1e5cf1189f400a0c90349cb",
        "d329e2d6da35d111903400a0c90349be", "f803b1fead12644c840f2a1d2f7ad48c",
    )
]  # fmt: skip
"""Data and the three kinds of indexes, which follow the header."""
MOST_OBJECTS = 1000
DSF_FORMAT = 28
"""Offset of a DSF's second chunk."""
SEGMENT = b"\x18\x53\x80\x67"
"""Matroska's element that holds everything but the header."""

APE_DESCRIBED = 3980
"""The version of Monkey's Audio from which on a file's parts are counted at its start."""
MPC_LAST = b"SE"
TAK_LAST_BLOCK, TAK_LAST_FRAME = 0, 7
FLV_TAGS = (8, 9, 18)
"""Sound, pictures, data."""


def recording_end(file: BinaryIO, kind: str, start: int) -> int | None:
    """Offset of the first byte behind the recording that begins at ``start``, beyond the file's end
    where it was cut off; None where the container does not tell."""
    find = _ENDS.get(kind)
    try:
        end = find(file, start) if find else None
    except (OverflowError, OSError) as error:  # a length that no file can have
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        return None
    return end if end is not None and end > start else None


def _wavpack(file: BinaryIO, position: int) -> int:
    has_samples = False
    while True:
        file.seek(position)
        head = file.read(32)
        if head[:4] != b"wvpk":
            return position
        if len(head) < 32:
            return position + 32  # cut off within a header
        (size,), high = struct.unpack_from("<I", head, 4), head[10]
        index, num_samples, flags = struct.unpack_from("<III", head, 16)
        if has_samples and num_samples and not (high or index) and flags & INITIAL_BLOCK:
            return position  # counts from 0 again: another file
        has_samples = has_samples or (num_samples > 0 and (high or index) > 0)
        position += size + 8


def _true_audio(file: BinaryIO, start: int) -> int | None:
    file.seek(start)
    head = file.read(22)
    if len(head) < 22:
        return None
    rate, num_samples = struct.unpack_from("<II", head, 10)
    num_frames = -(-num_samples // max(1, int(rate * TTA_FRAME)))
    if 4 * num_frames > file.seek(0, 2):  # a header that lies must not cost the memory
        return None
    file.seek(start + len(head))
    table = file.read(4 * num_frames + 4)
    if len(table) < 4 * num_frames + 4:
        return None
    sizes: tuple[int, ...] = struct.unpack_from(f"<{num_frames}I", table)
    return start + 22 + len(table) + sum(sizes)


def _asf(file: BinaryIO, start: int) -> int:
    position, end = start, file.seek(0, 2)
    for is_first in (True, *[False] * MOST_OBJECTS):
        file.seek(position)
        head = file.read(24)
        size = int.from_bytes(head[16:], "little")
        if size < 24 or size > end - position or not (is_first or head[:16] in ASF_OBJECTS):
            break
        position += size
    return position


def _matroska(file: BinaryIO, start: int) -> int | None:
    end = file.seek(0, 2)
    for element in range(16):
        if start > end:
            return None
        file.seek(start)
        head = file.read(12)
        if len(head) < 12 or (head[:4] == b"\x1aE\xdf\xa3" and element):
            return start
        width = 9 - head[4].bit_length()
        size = int.from_bytes(head[4 : 4 + width], "big") & (1 << 7 * width) - 1
        if width > 8 or size == (1 << 7 * width) - 1:
            return None
        start += 4 + width + size
        if head[:4] == SEGMENT:
            return start
    return None


def _dsf(file: BinaryIO, start: int) -> int | None:
    """By the sound's own chunk: taggers forget the length of the whole."""
    file.seek(start + DSF_FORMAT)
    head = file.read(12)
    data = start + DSF_FORMAT + int.from_bytes(head[4:], "little")
    file.seek(data)
    sound = file.read(12)
    if head[:4] != b"fmt " or sound[:4] != b"data":
        return None
    return data + int.from_bytes(sound[4:], "little")


def _avi(file: BinaryIO, position: int) -> int:
    """Large files are several RIFF chunks in a row."""
    form = b"AVI "
    while True:
        file.seek(position)
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != form:
            return position
        size, form = int.from_bytes(head[4:8], "little"), b"AVIX"
        position += 8 + size + size % 2


def _monkeys_audio(file: BinaryIO, start: int) -> int | None:
    """The sum of the parts that the descriptor counts; older versions have none."""
    file.seek(start)
    head = file.read(36)
    if len(head) < 36 or int.from_bytes(head[4:6], "little") < APE_DESCRIBED:
        return None
    sizes: tuple[int, ...] = struct.unpack_from("<7I", head, 8)
    high = sizes[5]  # of the size of the frames
    return start + sum(sizes) - high + (high << 32)


def _musepack(file: BinaryIO, start: int) -> int | None:
    """Packets: a key of two letters, and their size, in groups of 7 bits."""
    position, end = start + 4, file.seek(0, 2)
    while position < end:
        file.seek(position)
        head = file.read(12)
        if len(head) < 3:
            break
        size = _in_sevens(head[2:])
        if size < 3 or not head[:2].isalpha():
            return None
        position += size
        if head[:2] == MPC_LAST:
            return position
    return max(position, end + 1)  # its last packet is missing


def _in_sevens(data: bytes) -> int:
    """A number in bytes of 7 bits each; the last one is below 128."""
    number = 0
    for byte in data:
        number = number << 7 | byte & 127
        if byte < 128:
            break
    return number


def _tak(file: BinaryIO, start: int) -> int | None:
    """Blocks with a kind and a size; one tells where the last frame lies, from the last of them."""
    position, sound = start + 4, None
    while True:
        file.seek(position)
        head = file.read(12)
        if len(head) < 4:
            return None
        position += 4 + int.from_bytes(head[1:4], "little")
        if head[0] == TAK_LAST_FRAME and len(head) == 12:
            sound = int.from_bytes(head[4:9], "little") + int.from_bytes(head[9:12], "little")
        if head[0] == TAK_LAST_BLOCK:
            return None if sound is None else position + sound


def _flash(file: BinaryIO, start: int) -> int:
    """Tags with a kind and a size, each followed by its length."""
    file.seek(start)
    position = start + int.from_bytes(file.read(9)[5:], "big") + 4
    while True:
        file.seek(position)
        head = file.read(4)
        if not head or head[0] not in FLV_TAGS:
            return position
        position += 15 + int.from_bytes(head[1:], "big")


def _movie(file: BinaryIO, start: int) -> int:
    movie = boxes.read_movie(file, start)
    return movie.end if movie.second is None else movie.second


_ENDS: dict[str, Callable[[BinaryIO, int], int | None]] = {
    "WAVPACK": _wavpack, "TTA": _true_audio, "WMA": _asf, "MATROSKA": _matroska, "DSF": _dsf,
    "M4A": _movie, "AVI": _avi, "APE": _monkeys_audio, "MUSEPACK": _musepack, "TAK": _tak,
    "FLV": _flash, "MPEGTS": packets.transport_end, "MPEGPS": packets.program_end,
}  # fmt: skip
KINDS = tuple(_ENDS)
"""Kinds of containers, by our names, that may tell their end."""
