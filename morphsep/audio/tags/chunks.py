"""Tags in the chunks of WAV, RF64, W64, AIFF and CAF files: kept verbatim, or made from fields."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from typing import BinaryIO

from morphsep.audio.containers import chunks
from morphsep.audio.tags.fields import Tags, from_id3, to_id3

STRUCTURE = {
    b"fmt ", b"data", b"fact", b"PEAK", b"ds64", b"JUNK", b"junk", b"PAD ", b"FLLR", b"levl",
    b"COMM", b"SSND", b"FVER", b"FORM",
    b"desc", b"free", b"pakt", b"kuki", b"chan", b"peak", b"ovvw",
}  # fmt: skip
"""First four bytes of the ids of chunks that describe the samples: never copied."""
LARGEST = 2**26
"""Bytes: a larger chunk is no tag."""
INFO_NAMES = {
    b"INAM": "title", b"IART": "artist", b"IPRD": "album", b"ICRD": "date", b"IGNR": "genre",
    b"ICMT": "comment", b"ICOP": "copyright", b"IPRT": "tracknumber", b"ITRK": "tracknumber",
}  # fmt: skip
AIFF_NAMES = {b"NAME": "title", b"AUTH": "artist", b"ANNO": "comment", b"(c) ": "copyright"}

Piece = tuple[bytes, bytes]
"""A chunk's id and payload."""


def copyable(file: BinaryIO, layout: chunks.Layout) -> list[Piece]:
    """Every chunk of ``file`` that holds no samples: tags, bext, cart, cues, markers."""
    end = file.seek(0, io.SEEK_END)
    found = [
        chunk
        for chunk in list(chunks.walk(file, layout))
        if chunk.id[:4] not in STRUCTURE and 0 < chunk.size <= LARGEST
    ]
    pieces = []
    for chunk in found:
        if chunk.start + chunk.size <= end:
            file.seek(chunk.start)
            pieces.append((chunk.id, file.read(chunk.size)))
    return pieces


def append(file: BinaryIO, layout: chunks.Layout, pieces: Iterable[Piece]) -> None:
    """Append chunks to the file; a chunk whose id is there already is skipped.

    Raises ValueError if a 32-bit file would pass 4 GiB. After an error the file is as it was.
    """
    there = list(chunks.walk(file, layout))
    before = file.seek(0, io.SEEK_END)
    ids = {chunk.id for chunk in there}
    added = b"".join(_spelled(piece, layout) for piece in pieces if piece[0] not in ids)
    padding = bytes(-(before - layout.first) % layout.align)
    file.seek(0)
    form = file.read(4)
    total = before + len(padding) + len(added)
    if form in (b"RIFF", b"RIFX", b"FORM") and total - 8 >= 2**32:
        raise ValueError("no room for tags below 4 GiB")
    try:
        file.seek(before)
        file.write(padding + added)
        _set_total(file, layout, form, total)
    except BaseException:
        file.truncate(before)
        raise


def read_fields(pieces: list[Piece]) -> Tags:
    """Fields of ID3, RIFF INFO, AIFF text and CAF info chunks; ID3 comes first."""
    from mutagen.id3 import ID3

    tags = Tags()
    for chunk_id, payload in pieces:
        if chunk_id[:4] in (b"id3 ", b"ID3 "):
            tags = from_id3(ID3(fileobj=io.BytesIO(payload)))
    for chunk_id, payload in pieces:
        if chunk_id == b"LIST" and payload[:4] == b"INFO":
            for key, text in _info_items(payload):
                tags.add_missing(INFO_NAMES.get(key, ""), text) if key in INFO_NAMES else None
        elif chunk_id in AIFF_NAMES:
            tags.add_missing(AIFF_NAMES[chunk_id], _text(payload))
        elif chunk_id == b"info":
            texts = payload[4:].split(b"\0")
            for key, value in zip(texts[::2], texts[1::2], strict=False):
                tags.add_missing(_text(key).lower(), _text(value))
    return tags


def made_from(tags: Tags, layout: chunks.Layout) -> list[Piece]:
    """The tags as chunks for a file of this layout; empty if it cannot hold tags."""
    if layout in (chunks.RIFF, chunks.RIFX):
        info = b"".join(
            _spelled((key, tags.fields[name][0].encode() + b"\0"), layout)
            for key, name in INFO_NAMES.items()
            if name in tags.fields and key != b"IPRT"
        )
        return [(b"LIST", b"INFO" + info), (b"id3 ", to_id3(tags))]
    if layout is chunks.AIFF:
        return [(b"ID3 ", to_id3(tags))]
    if layout is chunks.CAF:
        items = [f"{name}\0{', '.join(values)}\0" for name, values in tags.fields.items()]
        return [(b"info", struct.pack(">I", len(items)) + "".join(items).encode())]
    return []


def _spelled(piece: Piece, layout: chunks.Layout) -> bytes:
    chunk_id, payload = piece
    size = len(payload) + (layout.header_bytes if layout.size_counts_header else 0)
    header = chunk_id + size.to_bytes(layout.size_bytes, layout.byte_order)
    return header + payload + bytes(-len(payload) % layout.align)


def _set_total(file: BinaryIO, layout: chunks.Layout, form: bytes, total: int) -> None:
    """Set the size in the file's own header, where it has one."""
    if form in (b"RF64", b"BW64"):
        file.seek(20)
        file.write(struct.pack("<Q", total - 8))
    elif layout is chunks.W64:
        file.seek(16)
        file.write(struct.pack("<Q", total))
    elif layout is not chunks.CAF:
        file.seek(4)
        file.write((total - 8).to_bytes(4, layout.byte_order))


def _info_items(payload: bytes) -> Iterable[tuple[bytes, str]]:
    position = 4
    while position + 8 <= len(payload):
        size = int.from_bytes(payload[position + 4 : position + 8], "little")
        yield payload[position : position + 4], _text(payload[position + 8 : position + 8 + size])
        position += 8 + size + size % 2


def _text(raw: bytes) -> str:
    """Chunks do not name an encoding: UTF-8 where it is valid, else Latin-1."""
    raw = raw.rstrip(b"\0")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
