"""MP4 (iTunes) tags to fields, atom by atom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from morphsep.audio.tags.fields import NO_TEXT, Tags
from morphsep.audio.tags.names import MP4_NAMES, MP4_NUMBERED, free_name

PNG = 14
"""Of a cover's formats; others are taken for JPEG."""
ITEM_LIST = (b"moov", b"udta", b"meta", b"ilst")
META_VERSION_BYTES = 4


def from_mp4(mp4: Any) -> Tags:
    """Fields of what mutagen read: a mapping from atom to values."""
    tags = Tags()
    for key, values in mp4.items():
        if key in MP4_NUMBERED:
            for number, total in values:
                tags.add(MP4_NUMBERED[key][0], number or "")
                tags.add(MP4_NUMBERED[key][1], total or "")
        elif key == "covr":
            for cover in values:
                mime = "image/png" if cover.imageformat == PNG else "image/jpeg"
                tags.add_picture(bytes(cover), mime)
        else:
            name = _free(key) if key.startswith("----:") else named_atom(key)
            _add_values(tags, name, values)
    return tags


def unread_atoms(file: BinaryIO, mp4: Any) -> list[str]:
    """Names of the tags in a file that mutagen passes over because they are damaged."""
    known = {key[:4] for key in mp4}
    known |= {"gnre"} if "\xa9gen" in known else set()
    return [name for name in dict.fromkeys(_items(file)) if name not in known]


def _free(key: str) -> str:
    """The name of a freeform atom: UTF-8, which mutagen reads as Latin-1."""
    raw = key.rsplit(":", 1)[-1].encode("latin-1")
    try:
        return free_name(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return free_name(raw.decode("latin-1"))


def named_atom(key: str) -> str:
    return MP4_NAMES.get(key, key.lstrip("\xa9").strip() or key)


def _add_values(tags: Tags, name: str, values: Any) -> None:
    """Texts, numbers and flags; a flag that is not set says nothing."""
    for value in values if isinstance(values, list) else [values]:
        if isinstance(value, bool):
            tags.add(name, "1" if value else "")
        elif isinstance(value, bytes):
            try:
                tags.add(name, value.decode("utf-8"))
            except UnicodeDecodeError:
                tags.left_out.append((name, NO_TEXT))
        else:
            tags.add(name, value)


def _items(file: BinaryIO) -> Iterator[str]:
    start, end = 0, file.seek(0, 2)
    for wanted in ITEM_LIST:
        found = [box for box in boxes(file, start, end) if box[0] == wanted]
        if not found:
            return
        _, start, end = found[0]
        start += META_VERSION_BYTES if wanted == b"meta" else 0
    for name, _, _ in boxes(file, start, end):
        if name != b"free":
            yield name.decode("latin-1")


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of what is in each box."""
    while start + 8 <= end:
        file.seek(start)
        head = file.read(16)
        size, header = int.from_bytes(head[:4], "big"), 8
        if size == 1:
            size, header = int.from_bytes(head[8:16], "big"), 16
        size = size or end - start
        if size < header:
            return
        yield head[4:8], start + header, min(start + size, end)
        start += size
