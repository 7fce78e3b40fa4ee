"""What chunks say, as fields: ID3, RIFF INFO, bext, iXML, cues, AIFF texts, CAF info."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from morphsep.audio.containers import chunks
from morphsep.audio.tags import bext
from morphsep.audio.tags.chunks import Piece, chunk_name
from morphsep.audio.tags.fields import Tags, why
from morphsep.audio.tags.from_id3 import from_id3
from morphsep.audio.tags.id3_frames import parse
from morphsep.audio.tags.names import AIFF_NAMES, CAF_NAMES, INFO_NAMES
from morphsep.audio.tags.outdated import CHUNKS, IXML_LOUDNESS, without_loudness

DOCUMENTS = {b"iXML": "ixml", b"axml": "axml", b"_PMX": "xmp"}
"""Chunks that are one text."""
OWN_KIND = "only a file of the input's own format can hold it"
CUE_BYTES = 24


@dataclass(slots=True)
class _Found:
    """What the chunks of a file say, but for ID3."""

    layout: chunks.Layout
    tags: Tags = field(default_factory=Tags)
    positions: dict[int, int] = field(default_factory=dict)
    """Of cues and markers, in samples, by their numbers."""
    labels: dict[int, str] = field(default_factory=dict)

    def add(self, name: str, value: str) -> None:
        if value not in self.tags.fields.get(name, ()):
            self.tags.add(name, value)

    def leave_out(self, name: str) -> None:
        self.tags.left_out.append((name, OWN_KIND))


def read_fields(pieces: Sequence[Piece], layout: chunks.Layout, sample_rate: float) -> Tags:
    """Fields of all chunks; what an ID3 tag says comes first.

    Args:
        sample_rate: Hz, for the times of cues; 0 if it is not known.
    """
    tags = _read_id3([payload for chunk_id, payload in pieces if is_id3(chunk_id)])
    found = _Found(layout)
    for chunk_id, payload in pieces:
        if not is_id3(chunk_id):
            _add(found, chunk_id, payload)
    if sample_rate > 0:
        cues = found.positions.items()
        found.tags.add_chapters((at / sample_rate, found.labels.get(n, "")) for n, at in cues)
    tags.add_missing("chunk", found.tags)
    return tags


def is_id3(chunk_id: bytes) -> bool:
    """Whether a chunk is an ID3 tag."""
    return chunk_id in (b"id3 ", b"ID3 ")


def info_items(payload: bytes, order: Literal["little", "big"]) -> Iterator[tuple[bytes, bytes]]:
    """Ids and payloads of the chunks in a LIST."""
    position = 4
    while position + 8 <= len(payload):
        size = int.from_bytes(payload[position + 4 : position + 8], order)
        yield payload[position : position + 4], payload[position + 8 : position + 8 + size]
        position += 8 + size + size % 2


def text(raw: bytes) -> str:
    """Chunks do not name an encoding: UTF-8 where it is valid, else Latin-1."""
    raw = raw.rstrip(b"\0")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def caf_items(payload: bytes) -> Iterator[tuple[str, str]]:
    """Names and texts of a CAF's info chunk."""
    texts = payload[4:].split(b"\0")
    for name, value in zip(texts[::2], texts[1::2], strict=False):
        yield text(name), text(value)


def _read_id3(tags_bytes: Sequence[bytes]) -> Tags:
    tags = Tags()
    for tag in tags_bytes:
        try:
            found = from_id3(parse(tag))
        except ValueError as error:
            tags.left_out.append(("ID3 tag", why(error)))
            continue
        if tags.id3 is None:
            found.left_out += tags.left_out
            tags = found
        else:
            tags.add_missing("second ID3 tag", found)
    return tags


def _add(found: _Found, chunk_id: bytes, payload: bytes) -> None:
    """Adds what a chunk says; what no field can say is named."""
    kind = chunk_id[:4]
    reader = _READERS.get(kind)
    try:
        if kind in CHUNKS:
            found.tags.outdated.append(chunk_name(kind))
        elif kind in DOCUMENTS:
            rest = without_loudness(payload)
            found.add(DOCUMENTS[kind], text(rest))
            found.tags.outdated += [IXML_LOUDNESS] if rest != payload else []
        elif kind in AIFF_NAMES:
            found.add(AIFF_NAMES[kind], text(payload))
        elif reader is not None:
            reader(found, payload)
        else:
            found.leave_out(chunk_name(kind))
    except (struct.error, IndexError):
        found.tags.left_out.append((chunk_name(kind), "it is damaged"))


def _add_list(found: _Found, payload: bytes) -> None:
    kind = payload[:4]
    for key, value in info_items(payload, found.layout.byte_order):
        if kind == b"INFO":
            found.add(INFO_NAMES.get(key, key.decode("latin-1").strip().lower()), text(value))
        elif kind == b"adtl" and key == b"labl":
            found.labels[int.from_bytes(value[:4], found.layout.byte_order)] = text(value[4:])
        else:
            found.leave_out(f"chunk LIST {kind.decode('latin-1')} {key.decode('latin-1')}")


def _add_bext(found: _Found, payload: bytes) -> None:
    if len(payload) < bext.FIXED_BYTES:
        raise IndexError
    for name, value in bext.texts(payload, found.layout.byte_order):
        found.add(name, value)
    if bext.states_loudness(payload, found.layout.byte_order):
        found.tags.outdated.append("bext loudness")


def _add_cues(found: _Found, payload: bytes) -> None:
    mark = "<" if found.layout.byte_order == "little" else ">"
    (count,) = struct.unpack_from(f"{mark}I", payload)
    for start in range(4, 4 + count * CUE_BYTES, CUE_BYTES):
        number, *_, offset = struct.unpack_from(f"{mark}6I", payload, start)
        found.positions[number] = offset


def _add_markers(found: _Found, payload: bytes) -> None:
    """AIFF's MARK: number, position, a Pascal string of even length."""
    (count,) = struct.unpack_from(">H", payload)
    start = 2
    for _ in range(count):
        number, found_at, size = struct.unpack_from(">HIB", payload, start)
        found.positions[number] = found_at
        found.labels[number] = text(payload[start + 7 : start + 7 + size])
        start += 7 + size + (size + 1) % 2


def _add_comments(found: _Found, payload: bytes) -> None:
    """AIFF's COMT: time, marker, a text of even length."""
    (count,) = struct.unpack_from(">H", payload)
    start = 2
    for _ in range(count):
        *_, size = struct.unpack_from(">IHH", payload, start)
        found.add("comment", text(payload[start + 8 : start + 8 + size]))
        start += 8 + size + size % 2


def _add_caf_info(found: _Found, payload: bytes) -> None:
    for name, value in caf_items(payload):
        found.add(CAF_NAMES.get(name.lower(), name), value)


_READERS: dict[bytes, Callable[[_Found, bytes], None]] = {
    b"LIST": _add_list,
    b"bext": _add_bext,
    b"cue ": _add_cues,
    b"MARK": _add_markers,
    b"COMT": _add_comments,
    b"info": _add_caf_info,
}
