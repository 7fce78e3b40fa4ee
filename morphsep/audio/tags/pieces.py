"""Chunks for a result: the input's own but for what is no longer so, or made of fields."""

from __future__ import annotations

import struct

from morphsep.audio.containers import chunks
from morphsep.audio.tags import bext
from morphsep.audio.tags.chunk_texts import caf_items, is_id3
from morphsep.audio.tags.chunks import Piece, chunk_name, spelled
from morphsep.audio.tags.fields import Tags, picture_name, why
from morphsep.audio.tags.names import INFO_NAMES
from morphsep.audio.tags.outdated import CHUNKS, IXML_LOUDNESS, is_outdated, without_loudness
from morphsep.audio.tags.to_id3 import to_id3, without_outdated


def refreshed(
    pieces: list[Piece], layout: chunks.Layout, line: str
) -> tuple[list[Piece], list[tuple[str, str]], list[str]]:
    """A file's own chunks for a result of its own kind; (chunk, why) of what is not as it should
    be; and the names of what described the old sound and is gone.

    Args:
        line: what was done, for the coding history.
    """
    kept: list[Piece] = []
    doubtful = _doubled(pieces)
    outdated: list[str] = []
    for chunk_id, payload in pieces:
        if chunk_id[:4] in CHUNKS:
            outdated.append(chunk_name(chunk_id))
            continue
        made, gone = payload, list[str]()
        try:
            made, gone = _refreshed(chunk_id, payload, layout, line)
        except ValueError as error:
            doubtful.append((chunk_name(chunk_id), why(error)))
        outdated += gone
        kept.append((chunk_id, made))
    return kept, doubtful, outdated


def _doubled(pieces: list[Piece]) -> list[tuple[str, str]]:
    """What a reader may take one of several of, where the standard has one a file."""
    several = len([chunk_id for chunk_id, _ in pieces if chunk_id[:4] == b"bext"]) > 1
    return [("chunk bext", "there are several: all are kept and continued")] if several else []


def made_from(tags: Tags, layout: chunks.Layout) -> tuple[list[Piece], list[tuple[str, str]]]:
    """The tags as chunks for a file of this layout, and (tag, why) of what it cannot hold."""
    if layout is chunks.W64:
        why_not = "a W64 is written without tags; choose wav, rf64, flac, aiff or caf"
        names = [*tags.fields, *(picture_name(picture) for picture in tags.pictures)]
        return [], [(name, why_not) for name in names]
    if layout is chunks.CAF:
        info = (b"info", caf_info([(n, ", ".join(values)) for n, values in tags.fields.items()]))
        return [info] if tags.fields else [], [
            (picture_name(picture), "a CAF holds no pictures") for picture in tags.pictures
        ]
    id3, left_out = to_id3(tags)
    if layout is chunks.AIFF:
        return [(b"ID3 ", id3)], left_out
    texts = b"".join(
        spelled((key, tags.fields[name][0].encode("utf-8", "replace") + b"\0"), layout)
        for key, name in INFO_NAMES.items()
        if name in tags.fields and key != b"IPRT"
    )
    listed = [(b"LIST", b"INFO" + texts)] if texts else []
    return [*listed, (b"id3 ", id3)], left_out


def caf_info(items: list[tuple[str, str]]) -> bytes:
    """A CAF's info chunk."""
    texts = "".join(f"{name}\0{value}\0" for name, value in items)
    return struct.pack(">I", len(items)) + texts.encode("utf-8", "replace")


def _refreshed(
    chunk_id: bytes, payload: bytes, layout: chunks.Layout, line: str
) -> tuple[bytes, list[str]]:
    """A chunk without what describes the old sound, and the names of that."""
    if is_id3(chunk_id):
        try:
            return without_outdated(payload)
        except ValueError as error:
            raise ValueError(f"{why(error)}: kept as it is") from error
    if chunk_id[:4] == b"bext":
        payload, had_loudness = bext.refreshed(payload, line, layout.byte_order)
        return payload, ["bext loudness"] if had_loudness else []
    if chunk_id == b"iXML":
        rest = without_loudness(payload)
        return rest, [IXML_LOUDNESS] if rest != payload else []
    if chunk_id == b"info" and layout is chunks.CAF:
        items = list(caf_items(payload))
        gone = [name for name, _ in items if is_outdated(name)]
        left = [item for item in items if not is_outdated(item[0])]
        return caf_info(left) if gone else payload, gone
    return payload, []
