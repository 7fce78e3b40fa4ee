"""ID3v2 tags frame by frame: a damaged frame harms no other, and what is kept is kept verbatim.

Formats: ID3v2.2, 2.3 and 2.4 (id3.org). mutagen reads what a frame says.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

HEADER_BYTES = 10
LARGEST = 2**28 - 1
"""Bytes of frames that a tag can hold."""
UNSYNCHRONISED, EXTENDED, FOOTER = 0x80, 0x40, 0x10
TIMES = ("TDRC", "TDOR", "TDRL", "TDEN", "TDTG")
"""Frames whose text is read as it is: mutagen would cut what is no date."""
REST = "rest of the ID3 tag"
"""Name of what follows the last frame and is no padding."""
_ID = re.compile(rb"[A-Z][A-Z0-9]{2}[A-Z0-9 \0]")


@dataclass(frozen=True, slots=True)
class RawFrame:
    """One frame: its bytes with their header, and mutagen's reading, None if it has none."""

    id: str
    data: bytes
    frame: Any
    is_odd: bool = False
    """Whether it is no frame by the standard: other programs lose all that follows it."""


@dataclass(frozen=True, slots=True)
class Id3:
    """A tag."""

    version: int
    """2, 3 or 4, for ID3v2.2 to 2.4."""
    flags: int
    """Of the header: whether the frames are unsynchronised."""
    frames: tuple[RawFrame, ...]


def tag_bytes(head: bytes) -> int | None:
    """Length of the tag that begins with these 10 bytes, None if none does."""
    if len(head) < HEADER_BYTES or head[:3] != b"ID3" or max(head[6:10]) > 127 or head[3] == 0xFF:
        return None
    footer = HEADER_BYTES if head[3] == 4 and head[5] & FOOTER else 0
    return HEADER_BYTES + _synchsafe(head[6:10]) + footer


def parse(tag: bytes) -> Id3:
    """The frames of a tag.

    Args:
        tag: its bytes, with the header.

    Raises:
        ValueError: it is no tag, or of a version that is not known.
    """
    size = tag_bytes(tag[:HEADER_BYTES])
    version, flags = (tag[3], tag[5]) if size else (0, 0)
    if version not in (2, 3, 4):
        raise ValueError(f"version 2.{version} is not known" if size else "it is damaged")
    body = tag[HEADER_BYTES : HEADER_BYTES + _synchsafe(tag[6:10])]
    if flags & UNSYNCHRONISED and version < 4:
        body = body.replace(b"\xff\0", b"\xff")
    if flags & EXTENDED and version > 2 and not _ID.match(body):
        size = _synchsafe(body[:4]) if version == 4 else int.from_bytes(body[:4], "big") + 4
        body = body[size:]
    flags &= UNSYNCHRONISED if version == 4 else 0
    frames = tuple(_read(name, data, version, flags) for name, data in _split(body, version))
    return Id3(version, flags, frames)


def rendered(id3: Id3, frames: Iterable[bytes]) -> bytes:
    """A tag of ``id3``'s version with these frames."""
    body = b"".join(frames)
    return b"ID3" + bytes([id3.version, 0, id3.flags]) + _to_synchsafe(len(body)) + body


def made(frame: Any, version: int = 4) -> RawFrame:
    """A frame of mutagen's as it lies in a tag of version 3 or 4, read back.

    Raises:
        ValueError: it cannot be written.
    """
    from mutagen.id3 import ID3

    tag = ID3()
    tag.add(frame)
    if version == 3:
        tag.update_to_v23()
    buffer = io.BytesIO()
    tag.save(buffer, padding=lambda _: 0, v2_version=version, v23_sep=None)
    (found,) = parse(buffer.getvalue()).frames
    return found


def _split(body: bytes, version: int) -> Iterator[tuple[str, bytes]]:
    """Identifiers and bytes of the frames, sizes put right for those who write plain ones; also of
    frames with an odd identifier, and of what follows the last one and is no padding."""
    header, width = (6, 3) if version == 2 else (HEADER_BYTES, 4)
    position = 0
    while position + header < len(body) and body[position : position + width].strip(b"\0"):
        name = body[position : position + width]
        size = int.from_bytes(body[position + width : position + 2 * width], "big")
        if version == 4:
            size = _size_of_v24(body, position)
        if position + header + size > len(body) and not _is_id(name):
            break
        data = body[position : position + header + size]
        if size or not _is_id(name):
            yield _spelled(name), _sized(data, version, width, header)
        position += header + size
    if body[position:].strip(b"\0"):
        yield REST, body[position:]


def _is_id(name: bytes) -> bool:
    return _ID.match(name.ljust(4, b"\0")) is not None


def _spelled(name: bytes) -> str:
    return name.decode("ascii", "backslashreplace").rstrip("\0 ")


def _sized(data: bytes, version: int, width: int, header: int) -> bytes:
    """A frame whose header tells its size: the last one may claim more than there is."""
    size = len(data) - header
    told = _to_synchsafe(size) if version == 4 else size.to_bytes(width, "big")
    return data[:width] + told + data[2 * width :]


def _size_of_v24(body: bytes, position: int) -> int:
    """Synchsafe by the standard; plain where only that leads to another frame (old iTunes)."""
    raw = body[position + 4 : position + 8]
    plain = int.from_bytes(raw, "big")
    if max(raw) > 127:
        return plain
    for size in (_synchsafe(raw), plain):
        end = position + HEADER_BYTES + size
        following = body[end : end + 4]
        if end <= len(body) and (not following.strip(b"\0") or _ID.match(following)):
            return size
    return _synchsafe(raw)


def _read(name: str, data: bytes, version: int, flags: int) -> RawFrame:
    from mutagen.id3 import ID3

    if name == REST or not _is_id(data[: 3 if version == 2 else 4]):
        return RawFrame(name, data, None, is_odd=True)
    body = b"TIT2" + data[4:] if name in TIMES and version > 2 else data
    tag = rendered(Id3(version, flags, ()), [body])
    try:
        found = ID3(fileobj=io.BytesIO(tag), translate=False, load_v1=False)
    except Exception:  # whatever mutagen makes of a damaged frame
        return RawFrame(name, data, None)
    frame = next(iter(found.values()), None)
    raw = RawFrame(name, data, frame)
    return replace(raw, id=frame.FrameID) if version == 2 and frame is not None else raw


def _synchsafe(raw: bytes) -> int:
    """Seven bits a byte, the first the highest."""
    value = 0
    for byte in raw:
        value = value << 7 | byte & 127
    return value


def _to_synchsafe(value: int) -> bytes:
    return bytes(value >> shift & 127 for shift in (21, 14, 7, 0))
