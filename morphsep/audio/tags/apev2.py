"""APEv2 tags to fields, item by item; also alone on an MP3.

Format: APEv2 (Hydrogenaudio wiki): a footer of 32 bytes at the end, or before an ID3v1 tag, or a
header at the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from morphsep.audio.tags.fields import FRONT_COVER, NO_TEXT, Tags
from morphsep.audio.tags.names import APE_NAMES, APE_NUMBERED, free_name

MAGIC = b"APETAGEX"
HEADER_BYTES = 32
ID3V1_BYTES = 128
KIND, BINARY = 0b110, 0b010
"""In an item's flags."""
LARGEST = 2**28
"""Bytes: a larger one is no tag."""
NEAR_END = 2**17
"""Bytes at the end in which footers are searched."""
IS_HEADER = 0x20
"""Bit of the last byte of a header's flags."""
COVER = "cover art ("
COVERS = {"front": FRONT_COVER, "back": FRONT_COVER + 1}
"""Kinds of pictures, as in ID3; others are 0."""


def read_apev2(file: BinaryIO) -> Tags | None:
    """The tag of a file, None if it has none; of several the last, with what others have beyond."""
    found = [*_at_the_end(file), *_at_the_start(file)]
    if not found:
        return None
    for other in found[1:]:
        found[0].add_missing("APEv2", other)
    return found[0]


def _at_the_end(file: BinaryIO) -> Iterator[Tags]:
    """The tags whose footers lie near the end, the last first: other tags, or junk, may follow."""
    end = file.seek(0, 2)
    first = max(0, end - NEAR_END)
    file.seek(first)
    content = file.read(NEAR_END)
    place = content.rfind(MAGIC)
    while place >= 0:
        footer = content[place : place + HEADER_BYTES]
        size = int.from_bytes(footer[12:16], "little")
        is_footer = len(footer) == HEADER_BYTES and not footer[23] & IS_HEADER
        if is_footer and HEADER_BYTES <= size <= min(LARGEST, first + place + HEADER_BYTES):
            file.seek(first + place + HEADER_BYTES - size)
            items = file.read(size - HEADER_BYTES)
            yield _items(items, int.from_bytes(footer[16:20], "little"))
        place = content.rfind(MAGIC, 0, place)


def _at_the_start(file: BinaryIO) -> Iterator[Tags]:
    head = _at(file, 0)
    if head[:8] == MAGIC:
        yield _items(file.read(min(int.from_bytes(head[12:16], "little"), LARGEST)), 2**16)


def _at(file: BinaryIO, position: int) -> bytes:
    if position < 0:
        return b""
    file.seek(position)
    return file.read(HEADER_BYTES)


def _items(data: bytes, count: int) -> Tags:
    tags = Tags()
    position = 0
    for _ in range(count):
        end = data.find(b"\0", position + 8)
        if end < 0 or data.startswith(MAGIC, position):
            break
        size = int.from_bytes(data[position : position + 4], "little")
        flags = int.from_bytes(data[position + 4 : position + 8], "little")
        name = data[position + 8 : end].decode("utf-8", "replace")
        _add_item(tags, name, flags & KIND == BINARY, data[end + 1 : end + 1 + size])
        position = end + 1 + size
    return tags


def _add_item(tags: Tags, name: str, is_binary: bool, value: bytes) -> None:
    key = name.lower()
    if is_binary and key.startswith(COVER):
        _add_cover(tags, name, value)
        return
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if is_binary or (value and not text):
        tags.left_out.append((name, NO_TEXT))
    elif key in APE_NUMBERED:
        number, _, total = text.partition("/")
        tags.add(APE_NUMBERED[key][0], number)
        tags.add(APE_NUMBERED[key][1], total)
    else:
        tags.add(APE_NAMES.get(key, free_name(name)), text)


def _add_cover(tags: Tags, name: str, value: bytes) -> None:
    """A file name, NUL, the picture."""
    file_name, nul, data = value.partition(b"\0")
    if not nul:
        tags.left_out.append((name, "it is damaged"))
        return
    mime = "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"
    kind = next((kind for word, kind in COVERS.items() if word in name.lower()), 0)
    tags.add_picture(data, mime, kind, file_name.decode("utf-8", "replace"))
