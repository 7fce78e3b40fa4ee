"""What follows the samples in a chunked file: chunks, tags, padding, or more sound.

A header that claims too little must not cut the file silently. Formats: as in ``chunks``, ID3v2.4
and APEv2 for the tags that some programs append outside of any chunk.
"""

from __future__ import annotations

from typing import BinaryIO

from morphsep.audio.containers import chunks

MAX_JUNK = 2**16
"""Unexplained bytes tolerated at the end of a file: a few old tags."""
MIN_JUNK = 512
"""Unexplained bytes tolerated at the end of even the shortest file: a sector of padding."""
BLOCK = 2**20
TAG_HEAD = 32
"""Bytes needed to read a tag's length."""
SECOND_FILES = (b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM", chunks.W64_MAGIC)
"""Ids that look like chunks but begin another, concatenated file."""
NOTES = (
    b"LIST", b"id3 ", b"ID3 ", b"bext", b"iXML", b"axml", b"_PMX", b"cue ", b"smpl", b"inst",
    b"JUNK", b"junk", b"FLLR", b"PAD ", b"PEAK", b"fact", b"cart", b"MARK", b"INST", b"APPL",
    b"ANNO", b"NAME", b"AUTH", b"COMT", b"free", b"info", b"strg", b"uuid", b"pakt",
)  # fmt: skip
"""Chunks without samples: if one is cut off, no sound is lost."""


def is_sound_left_out(file: BinaryIO, layout: chunks.Layout, data: chunks.DataChunk) -> bool:
    """Whether more follows the claimed samples than chunks, tags, zeros and a little junk."""
    if data.promised != data.present:
        return False
    return unexplained(file, layout, samples_end(layout, data)) > min(
        MAX_JUNK, max(MIN_JUNK, data.present)
    )


def samples_end(layout: chunks.Layout, data: chunks.DataChunk) -> int:
    """Offset of the first byte after the samples that are there."""
    return data.chunk.start + layout.data_preamble + data.present


def unexplained(file: BinaryIO, layout: chunks.Layout, position: int) -> int:
    """Bytes from the first that is not part of a chunk, a tag or zeros, to the end of the file."""
    # Not all programs write the padding byte, and not all that do write a zero: try every way.
    end = file.seek(0, 2)
    farthest, seen, ahead = position, set[int](), [position]
    while ahead and len(seen) < chunks.MAX_CHUNKS:
        position = _zeros_end(file, ahead.pop())
        farthest = max(farthest, position)
        if position in seen:
            continue
        seen.add(position)
        ends = (_item_end(file, layout, position + pad, end) for pad in range(layout.align))
        ahead += [found for found in ends if found is not None]
    return max(0, end - farthest)


def _zeros_end(file: BinaryIO, position: int) -> int:
    file.seek(position)
    while block := file.read(BLOCK):
        rest = block.lstrip(b"\0")
        position += len(block) - len(rest)
        if rest:
            break
    return position


def _item_end(file: BinaryIO, layout: chunks.Layout, position: int, end: int) -> int | None:
    """End of the chunk or tag at ``position``, None if there is none."""
    file.seek(position)
    head = file.read(TAG_HEAD)
    tag = _tag_bytes(head)
    if tag is not None:
        return position + tag if position + tag <= end else None
    if len(head) < layout.header_bytes or not _is_chunk_id(head[: layout.id_bytes], layout):
        return None
    field = head[layout.id_bytes : layout.header_bytes]
    size = int.from_bytes(field, layout.byte_order)
    size += 0 if layout.size_counts_header else layout.header_bytes
    if layout.header_bytes <= size <= end - position:
        return position + size
    return end if head[:4] in NOTES else None


def _tag_bytes(head: bytes) -> int | None:
    """Length of the ID3v2 or APE tag that begins with ``head``, None if none does."""
    if head[:3] == b"ID3" and len(head) >= 10 and max(head[6:10]) < 0x80 and head[3] < 0x10:
        size = sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        return 10 + size + (10 if head[5] & 0x10 else 0)
    if head[:8] == b"APETAGEX" and len(head) >= 16:
        return 32 + int.from_bytes(head[12:16], "little")
    return None


def _is_chunk_id(chunk_id: bytes, layout: chunks.Layout) -> bool:
    if chunk_id in SECOND_FILES or chunk_id == layout.data_id:
        return False
    if layout is chunks.W64:
        return True  # any GUID; a size of 64 bits that fits is proof enough
    name = chunk_id.rstrip(b"\0").decode("latin-1")
    return name != "" and name.isascii() and name.isprintable()
