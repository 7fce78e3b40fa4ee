"""What follows the samples in a chunked file: chunks, tags, padding, or more sound.

A header that claims too little must not cut the file silently. Formats: as in ``chunks``, ID3v2.4
and APEv2 for the tags that some programs append outside of any chunk.
"""

from __future__ import annotations

from typing import BinaryIO

from morphsep.audio.containers import chunks, frames

MAX_JUNK = 2**16
"""Unexplained bytes tolerated at the end of a file: a few old tags."""
MIN_JUNK = 512
"""Unexplained bytes tolerated at the end of even the shortest file: a sector of padding."""
BLOCK = 2**20
TAG_HEAD = 32
"""Bytes needed to read a tag's length."""
SECOND_FILES = (
    b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM", chunks.W64_MAGIC, b"caff", b"fLaC", b"OggS",
    b"wvpk", b"TTA1", b"MAC ", b"DSD ", b"tBaK", b"MPCK",
)  # fmt: skip
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
    rest = file.seek(0, 2) - explained_end(file, layout, data)
    return rest > min(MAX_JUNK, max(MIN_JUNK, data.present))


def samples_end(layout: chunks.Layout, data: chunks.DataChunk) -> int:
    """Offset of the first byte after the samples that are there."""
    return data.chunk.start + layout.data_preamble + data.present


def explained_end(file: BinaryIO, layout: chunks.Layout, data: chunks.DataChunk) -> int:
    """Offset of the first byte behind the samples that is not part of a chunk, a tag or zeros."""
    # Not all programs write the padding byte, and not all that do write a zero: try every way.
    position, end = samples_end(layout, data), file.seek(0, 2)
    farthest, seen, ahead = position, set[int](), [position]
    while ahead and len(seen) < chunks.MAX_CHUNKS:
        position = zeros_end(file, ahead.pop())
        farthest = max(farthest, position)
        if position in seen:
            continue
        seen.add(position)
        if _is_second_file(file, layout, position):
            continue
        ends = (_item_end(file, layout, position + pad, end) for pad in range(layout.align))
        ahead += [found for found in ends if found is not None]
    return min(end, farthest)


def tags_end(file: BinaryIO, position: int, end: int) -> int:
    """Offset of the first byte from ``position`` on that is neither a tag nor zeros."""
    while position < end:
        position = zeros_end(file, position)
        file.seek(position)
        length = frames.tag_bytes(file.read(TAG_HEAD))
        if not length or position + length > end:
            break
        position += length
    return min(position, end)


def zeros_end(file: BinaryIO, position: int) -> int:
    """Offset of the first byte from ``position`` on that is not zero."""
    file.seek(position)
    while block := file.read(BLOCK):
        rest = block.lstrip(b"\0")
        position += len(block) - len(rest)
        if rest:
            break
    return position


def _is_second_file(file: BinaryIO, layout: chunks.Layout, position: int) -> bool:
    """Whether another file begins there, or behind padding."""
    file.seek(position)
    head = file.read(layout.align + layout.id_bytes)
    return any(head[pad:].startswith(SECOND_FILES) for pad in range(layout.align))


def _item_end(file: BinaryIO, layout: chunks.Layout, position: int, end: int) -> int | None:
    """End of the chunk or tag at ``position``, None if there is none."""
    file.seek(position)
    head = file.read(TAG_HEAD)
    tag = 0 if head[:3] == b"TAG" else frames.tag_bytes(head)
    if tag:
        return position + tag if position + tag <= end else None
    if len(head) < layout.header_bytes or not _is_chunk_id(head[: layout.id_bytes], layout):
        return None
    field = head[layout.id_bytes : layout.header_bytes]
    size = int.from_bytes(field, layout.byte_order)
    size += 0 if layout.size_counts_header else layout.header_bytes
    if layout.header_bytes <= size <= end - position:
        return position + size
    return end if head[:4] in NOTES else None


def _is_chunk_id(chunk_id: bytes, layout: chunks.Layout) -> bool:
    if chunk_id == layout.data_id:
        return False
    if layout is chunks.W64:
        return True  # any GUID; a size of 64 bits that fits is proof enough
    name = chunk_id.rstrip(b"\0").decode("latin-1")
    return name != "" and name.isascii() and name.isprintable()
