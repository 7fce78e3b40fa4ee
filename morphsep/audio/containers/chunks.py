"""The chunk structure of WAV, RF64, W64, AIFF and CAF files.

libsndfile silently shortens a file whose data chunk claims more than there is, so the claim
is read here. Formats: RIFF (Microsoft, 1991), EBU Tech 3306 (RF64), Sony Wave64, AIFF-C
(Apple, 1991), Apple Core Audio Format 1.0.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

W64_MAGIC = bytes.fromhex("726966662e91cf11a5d628db04c10000")
W64_GUID_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")
MAX_CHUNKS = 100_000
"""A damaged file must not keep the walk busy for ever."""
BEFORE_SOUND = {
    b"fmt ", b"ds64", b"JUNK", b"junk", b"PAD ", b"FLLR", b"fact", b"bext", b"iXML", b"LIST",
    b"cart", b"axml", b"chna", b"_PMX", b"id3 ", b"ID3 ", b"cue ", b"smpl", b"PEAK", b"levl",
}  # fmt: skip
"""Chunks that programs write before the samples of a WAV."""
SEARCHED_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How one family of files encodes its chunks."""

    byte_order: Literal["little", "big"]
    first: int
    """Offset of the first chunk."""
    id_bytes: int = 4
    size_bytes: int = 4
    align: int = 2
    size_counts_header: bool = False
    data_id: bytes = b"data"
    data_preamble: int = 0
    """Bytes of the data chunk before its first sample."""

    @property
    def header_bytes(self) -> int:
        return self.id_bytes + self.size_bytes


RIFF = Layout(byte_order="little", first=12)
RIFX = Layout(byte_order="big", first=12)
AIFF = Layout(byte_order="big", first=12, data_id=b"SSND", data_preamble=8)
CAF = Layout(byte_order="big", first=8, size_bytes=8, align=1, data_preamble=4)
W64 = Layout(
    byte_order="little",
    first=40,
    id_bytes=16,
    size_bytes=8,
    align=8,
    size_counts_header=True,
    data_id=b"data" + W64_GUID_TAIL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One chunk: offsets of its header and payload, and the size of the payload that it claims."""

    id: bytes
    header: int
    start: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataChunk:
    """The samples' bytes: ``promised`` by the header (None: written as a stream), and ``present``
    in the file."""

    chunk: Chunk
    promised: int | None
    present: int


def layout_of(head: bytes) -> Layout | None:
    """The layout by a file's first 16 bytes, None if it has no chunks."""
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return RIFF
    if head[:4] == b"RIFX" and head[8:12] == b"WAVE":
        return RIFX
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return AIFF
    if head[:4] == b"caff":
        return CAF
    return W64 if head[:16] == W64_MAGIC else None


def walk(file: BinaryIO, layout: Layout) -> Iterator[Chunk]:
    """Every chunk whose header is complete, in file order, up to the first that leaves the file."""
    end = file.seek(0, 2)
    position = layout.first
    long_size = None
    for _ in range(MAX_CHUNKS):
        if position + layout.header_bytes > end:
            return
        file.seek(position)
        chunk_id = file.read(layout.id_bytes)
        size = int.from_bytes(file.read(layout.size_bytes), layout.byte_order)
        size -= layout.header_bytes if layout.size_counts_header else 0
        if chunk_id == b"ds64":
            long_size = int.from_bytes(file.read(16)[8:], "little")
        if chunk_id == b"data" and size == 0xFFFFFFFF and long_size is not None:
            size = long_size
        start = position + layout.header_bytes
        yield Chunk(id=chunk_id, header=position, start=start, size=size)
        if size < 0:
            return
        position = start + size + -size % layout.align


def find_data(file: BinaryIO, layout: Layout) -> DataChunk | None:
    """The data chunk; None if the file ends before it."""
    end = file.seek(0, 2)
    for chunk in walk(file, layout):
        if chunk.id == layout.data_id:
            there = max(0, end - chunk.start - layout.data_preamble)
            if _is_stream(chunk.size, layout):
                return DataChunk(chunk=chunk, promised=None, present=there)
            promised = max(0, chunk.size - layout.data_preamble)
            return DataChunk(chunk=chunk, promised=promised, present=min(promised, there))
    return None


def leads_astray(file: BinaryIO, layout: Layout) -> bytes | None:
    """The chunk whose length is wrong, where the samples' chunk is there but is not come to."""
    last = None
    for chunk in walk(file, layout):
        if chunk.id not in BEFORE_SOUND:
            break
        last = chunk
    if last is None:
        return None
    file.seek(last.start)
    return last.id if layout.data_id in file.read(SEARCHED_BYTES) else None


def sized_header(file: BinaryIO, layout: Layout, data: DataChunk) -> bytes:
    """The bytes before the samples, with a stream's unknown size replaced by the real one."""
    file.seek(0)
    head = bytearray(file.read(data.chunk.start))
    size = data.present + layout.data_preamble
    size += layout.header_bytes if layout.size_counts_header else 0
    size = min(size, 256**layout.size_bytes - 1)
    if head[12:16] == b"ds64":
        head[20:36] = struct.pack("<QQ", data.chunk.start + data.present - 8, data.present)
        return bytes(head)
    field = data.chunk.header + layout.id_bytes
    head[field : data.chunk.start] = size.to_bytes(layout.size_bytes, layout.byte_order)
    return bytes(head)


def _is_stream(size: int, layout: Layout) -> bool:
    """Sizes that programs write into a pipe, where they cannot go back to the header: 0 and all
    ones (ffmpeg), 2 GiB less a little (sox), 2 GiB (arecord)."""
    if layout.size_bytes == 8:
        return size <= 0 or size >= 2**63 - 2**16
    return size == 0 or size >= 2**32 - 2**8 or 2**31 - 2**16 <= size <= 2**31 + 2**8
