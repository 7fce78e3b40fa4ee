"""APEv2 tags to fields, item by item; also alone on an MP3.

Format: APEv2 (Hydrogenaudio wiki): a footer of 32 bytes at the end, or before an ID3v1 tag, or a
header at the start.
"""

from __future__ import annotations

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
COVER = "cover art ("
COVERS = {"front": FRONT_COVER, "back": FRONT_COVER + 1}
"""Kinds of pictures, as in ID3; others are 0."""


def read_apev2(file: BinaryIO) -> Tags | None:
    """The tag of a file, None if it has none."""
    end = file.seek(0, 2)
    for footer in (end - HEADER_BYTES, end - ID3V1_BYTES - HEADER_BYTES):
        head = _at(file, footer)
        size = int.from_bytes(head[12:16], "little")
        if head[:8] == MAGIC and HEADER_BYTES <= size <= min(LARGEST, footer + HEADER_BYTES):
            file.seek(footer + HEADER_BYTES - size)
            return _items(file.read(size - HEADER_BYTES), int.from_bytes(head[16:20], "little"))
    head = _at(file, 0)
    if head[:8] == MAGIC:
        return _items(file.read(min(int.from_bytes(head[12:16], "little"), LARGEST)), 2**16)
    return None


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
