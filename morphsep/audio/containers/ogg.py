"""The links of an Ogg file: recordings that follow one another, each with headers of its own.

libsndfile reads the first link of a chain, and of several streams side by side none. So the pages
are walked here, and each link's first sound stream is handed on alone. Format: RFC 3533, RFC 7845
(Opus), Vorbis I, Ogg FLAC mapping 1.0, Speex.
"""

from __future__ import annotations

import io
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from morphsep.audio.containers.ogg_stream import Data, Stream, is_intact

HEADER_BYTES = 27
TAIL = 2**17
"""Bytes that hold two of the largest pages."""
CAPTURE = b"OggS\0"
FLAGS = 5
"""Offset in a page of its flags."""
BEGIN_OF_STREAM = 2
HEADERS = {"vorbis": 3, "opus": 2}
"""Packets before the sound; Ogg FLAC and Speex are read by ffmpeg."""


@dataclass(frozen=True, slots=True)
class Coding:
    """What the first packet of a stream says about its sound."""

    name: str
    """vorbis, opus, flac or speex."""
    sample_rate: int
    num_channels: int

    def __str__(self) -> str:
        return f"{self.name}, {self.sample_rate} Hz, {self.num_channels} channel(s)"


@dataclass(slots=True)
class Link:
    """One recording: the pages of its first sound stream."""

    start: int
    coding: Coding | None = None
    serial: bytes = b""
    num_streams: int = 0
    """Streams side by side, pictures included."""
    num_sounds: int = 0
    sound: Stream | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """All links, in the order of the file."""

    links: tuple[Link, ...]
    end: int
    """Offset of the first byte after the last page."""
    cut_off: int | None
    """Offset of the first page of which a part is missing."""


def scan(file: BinaryIO) -> Chain | None:
    """All links of a file; None if it is not on this machine."""
    if not isinstance(file, io.FileIO):
        return None
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return read_chain(data)


def is_cut_off(file: BinaryIO) -> bool:
    """Whether a file, which may be remote, ends within a page."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - TAIL))
    end = file.read()
    last = end.rfind(CAPTURE)
    return last >= 0 and _page_end(end, last) > len(end)


def read_chain(data: Data) -> Chain:
    """Walks all pages."""
    links: list[Link] = []
    in_headers, end, cut_off = False, 0, None
    for start, page_end in _pages(data):
        if page_end != _page_end(data, start) or page_end > len(data):
            cut_off = start if cut_off is None else cut_off
        if start + HEADER_BYTES > len(data):
            break
        begins = bool(data[start + FLAGS] & BEGIN_OF_STREAM)
        if begins and not in_headers:
            links.append(Link(start))
        in_headers, end = begins, min(page_end, len(data))
        if links:
            _take(links[-1], data, start, end)
    return Chain(tuple(links), end, cut_off)


def last_granules(chain: Chain) -> int:
    """Samples of all links of FLAC, whose pages count them from 0."""
    sounds = [link.sound for link in chain.links if link.sound and link.sound.granules]
    return sum(max(0, sound.granules[-1]) for sound in sounds)


def damaged_page(file: BinaryIO) -> int | None:
    """Offset of the first page whose checksum is wrong; reads the file, if it is on this machine.
    Decoders leave such a page out, or make up a sound for it."""
    if not isinstance(file, io.FileIO):
        return None
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return next((start for start, end in _pages(data) if not is_intact(data[start:end])), None)


def _take(link: Link, data: Data, start: int, end: int) -> None:
    """Adds a page to its link, if it belongs to the link's first sound stream."""
    serial = data[start + 14 : start + 18]
    if data[start + FLAGS] & BEGIN_OF_STREAM:
        link.num_streams += 1
        coding = _coding(data[start + HEADER_BYTES + data[start + 26] : end])
        link.num_sounds += coding is not None
        if link.coding is None and coding is not None:
            link.coding, link.serial = coding, serial
            link.sound = Stream(HEADERS.get(coding.name, 0))
    if link.sound is not None and serial == link.serial:
        link.sound.add(data, start, end)


def _pages(data: Data) -> Iterator[tuple[int, int]]:
    """(first byte, one after the last) of each page, across what is none. The last one may end
    after the file does."""
    position = 0
    while (position := data.find(CAPTURE, position)) >= 0:
        end = _page_end(data, position)
        if data[end : end + len(CAPTURE)] != CAPTURE:
            # the page may be cut off, and another file may begin inside what it claims
            inside = data.find(CAPTURE, position + HEADER_BYTES, end)
            end = inside if inside >= 0 else end
        yield position, end
        position = end


def _page_end(data: Data, start: int) -> int:
    head = data[start : start + HEADER_BYTES]
    num_segments = head[-1] if len(head) == HEADER_BYTES else 0
    body = start + HEADER_BYTES + num_segments
    return body + sum(data[start + HEADER_BYTES : body])


def _coding(packet: bytes) -> Coding | None:
    """The coding by a stream's first packet, None if it is no sound that we know."""
    if packet[:7] == b"\x01vorbis" and len(packet) >= 16:
        return Coding("vorbis", int.from_bytes(packet[12:16], "little"), packet[11])
    if packet[:8] == b"OpusHead" and len(packet) >= 10:
        return Coding("opus", 48_000, packet[9])
    if packet[:5] == b"\x7fFLAC" and len(packet) >= 30:
        packed = int.from_bytes(packet[27:31], "big")  # 20 bits of rate, 3 of channels
        return Coding("flac", packed >> 12, (packed >> 9 & 7) + 1)
    if packet[:8] == b"Speex   " and len(packet) >= 52:
        rate, channels = packet[36:40], packet[48:52]
        return Coding("speex", int.from_bytes(rate, "little"), int.from_bytes(channels, "little"))
    return None
