"""Chunks that are no sound, in WAV, RF64, W64, AIFF and CAF files: found, and appended."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Iterable
from typing import BinaryIO

from morphsep.audio.containers import chunks

STRUCTURE = {
    b"fmt ", b"data", b"fact", b"PEAK", b"ds64", b"JUNK", b"junk", b"PAD ", b"FLLR", b"levl",
    b"COMM", b"SSND", b"FVER", b"FORM", b"wave",
    b"desc", b"free", b"pakt", b"kuki", b"chan", b"peak", b"ovvw",
}  # fmt: skip
"""First four bytes of the ids of chunks that describe the samples: never copied."""
LARGEST = 2**26
"""Bytes: a larger chunk is no tag, and several copies of it are held in memory."""
LARGEST_FILE = 2**32 - 1
"""Bytes that a 32-bit file can count after its first 8."""

Piece = tuple[bytes, bytes]
"""A chunk's id and payload."""


def copyable(file: BinaryIO, layout: chunks.Layout) -> tuple[list[Piece], list[tuple[str, str]]]:
    """Every chunk of ``file`` that holds no samples (tags, bext, cart, cues, markers), and (chunk,
    why) of those that cannot be taken."""
    end = file.seek(0, io.SEEK_END)
    pieces, left_out = [], []
    known = b""
    for chunk in list(chunks.walk(file, layout)):
        last, known = known, chunk.id if chunk.id[:4] in chunks.BEFORE_SOUND else known
        if chunk.id[:4] in STRUCTURE or chunk.size <= 0:
            continue
        if chunk.start + chunk.size > end:
            left_out.append(_cut_off(chunk.id, last))
        elif chunk.size > LARGEST:
            left_out.append((chunk_name(chunk.id), "it is larger than 64 MiB"))
        else:
            file.seek(chunk.start)
            pieces.append((chunk.id, file.read(chunk.size)))
    return pieces, left_out


def _cut_off(chunk_id: bytes, last: bytes) -> tuple[str, str]:
    """Of a chunk that leaves the file: nobody gives chunks such ids where a length before it is
    wrong and another chunk's content is taken for one."""
    if chunk_id[:4] in chunks.BEFORE_SOUND or not last:
        return chunk_name(chunk_id), "it is cut off"
    name = chunk_name(last)
    return f"what follows the {name}", f"it is cut off, or the length of the {name} is wrong"


def chunk_name(chunk_id: bytes) -> str:
    """What a chunk is called in a sentence."""
    return f"chunk {chunk_id[:4].decode('latin-1').strip()}"


def append(file: BinaryIO, layout: chunks.Layout, pieces: Iterable[Piece]) -> None:
    """Append chunks to the file; a chunk whose id is there already is skipped.

    After an error the file is as it was.
    """
    there = list(chunks.walk(file, layout))
    before = file.seek(0, io.SEEK_END)
    ids = {chunk.id for chunk in there}
    added = b"".join(spelled(piece, layout) for piece in pieces if piece[0] not in ids)
    if not added:
        return
    padding = bytes(-(before - layout.first) % layout.align)
    file.seek(0)
    form = file.read(4)
    try:
        file.seek(before)
        file.write(padding + added)
        _set_total(file, layout, form, before + len(padding) + len(added))
    except BaseException:
        file.truncate(before)
        raise


def fitting(
    file: BinaryIO, layout: chunks.Layout, pieces: list[Piece]
) -> tuple[list[Piece], list[tuple[str, str]]]:
    """The pieces for which a 32-bit file has room, the smallest first, and (chunk, why) of the
    others."""
    file.seek(0)
    if file.read(4) not in (b"RIFF", b"RIFX", b"FORM"):
        return pieces, []
    room = LARGEST_FILE - file.seek(0, io.SEEK_END) - layout.align
    kept, left_out = list(pieces), []
    while sum(len(spelled(piece, layout)) for piece in kept) > room:
        largest = max(kept, key=lambda piece: len(piece[1]))
        kept.remove(largest)
        left_out.append((chunk_name(largest[0]), "no room for it below 4 GiB"))
    return kept, left_out


def spelled(piece: Piece, layout: chunks.Layout) -> bytes:
    """A chunk as its file spells it, padding included."""
    chunk_id, payload = piece
    size = len(payload) + (layout.header_bytes if layout.size_counts_header else 0)
    header = chunk_id + size.to_bytes(layout.size_bytes, layout.byte_order)
    return header + payload + bytes(-len(payload) % layout.align)


def sample_rate(file: BinaryIO, layout: chunks.Layout) -> float:
    """Hz by the header; 0 where it lacks one, or says what no rate is."""
    for chunk in chunks.walk(file, layout):
        if chunk.id[:4] in (b"fmt ", b"COMM", b"desc"):
            file.seek(chunk.start)
            try:
                rate = _rate(chunk.id[:4], file.read(18), layout)
            except (struct.error, OverflowError):  # cut short, or 80 bits that no double holds
                return 0.0
            return rate if math.isfinite(rate) and rate > 0 else 0.0
    return 0.0


def _rate(chunk_id: bytes, head: bytes, layout: chunks.Layout) -> float:
    if chunk_id == b"fmt ":
        return int.from_bytes(head[4:8], layout.byte_order)
    if chunk_id == b"desc":
        return float(struct.unpack(">d", head[:8])[0])
    exponent, mantissa = struct.unpack(">HQ", head[8:18])  # the 80-bit format of SANE
    return math.ldexp(mantissa, (exponent & 0x7FFF) - 16383 - 63)


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
