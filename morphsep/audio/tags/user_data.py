"""Texts of QuickTime and 3GPP files, which lie beside iTunes' item list.

Formats: QuickTime File Format (user data atoms), 3GPP TS 26.244 (asset information).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from morphsep.audio.tags.fields import Tags
from morphsep.audio.tags.mp4 import boxes, named_atom

ASSETS = {
    b"titl": "title", b"perf": "artist", b"auth": "author", b"albm": "album", b"gnre": "genre",
    b"dscp": "description", b"cprt": "copyright",
}  # fmt: skip
ASSET_HEADER_BYTES = 6
"""Version, flags and language."""
YEAR = b"yrrc"
NO_TEXTS = (b"meta", b"free", b"skip", b"wide", b"\0\0\0\0")
INTERNATIONAL = b"\xa9"
MAC_LANGUAGES = 0x400
"""Languages below are Macintosh's, and so is the coding of their texts."""
LARGEST = 2**20
"""Bytes of a text."""


def read_user_data(file: BinaryIO) -> Tags:
    """The texts of a file; what else lies there is named in ``left_out``."""
    tags = Tags()
    for name, data in _user_data(file):
        if name.startswith(INTERNATIONAL):
            for text in _international(data):
                tags.add(named_atom(name.decode("latin-1")), text)
        elif name in ASSETS:
            tags.add(ASSETS[name], _asset(data))
        elif name == YEAR:
            tags.add("date", int.from_bytes(data[4:6], "big") or "")
        elif name not in NO_TEXTS:
            tags.left_out.append((name.decode("latin-1"), "it is not read"))
    return tags


def _user_data(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each box in moov.udta."""
    for movie, start, end in boxes(file, 0, file.seek(0, 2)):
        if movie != b"moov":
            continue
        for inner, inner_start, inner_end in boxes(file, start, end):
            if inner != b"udta":
                continue
            for name, first, last in boxes(file, inner_start, inner_end):
                file.seek(first)
                yield name, file.read(min(last - first, LARGEST))


def _international(data: bytes) -> Iterator[str]:
    """Texts in one or several languages, each behind its length and its language."""
    while len(data) > 4:
        length, language = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
        coding = "mac_roman" if language < MAC_LANGUAGES else "utf-8"
        yield data[4 : 4 + length].decode(coding, "replace")
        data = data[4 + length :]


def _asset(data: bytes) -> str:
    text = data[ASSET_HEADER_BYTES:]
    if text.startswith((b"\xfe\xff", b"\xff\xfe")):
        return text.decode("utf-16", "replace").partition("\0")[0]
    return text.partition(b"\0")[0].decode("utf-8", "replace")
