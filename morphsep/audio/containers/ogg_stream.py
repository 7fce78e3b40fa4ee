"""The pages of one Ogg stream, as libsndfile needs them to read all of it.

Old encoders put the first sound on the page where the headers end, and some mark pages as the last
that are not. Vorbis I (A.2) and RFC 3533 allow neither; libsndfile drops that first page, and stops
at the first such mark. Such pages are written anew; the packets stay as they are.
"""

from __future__ import annotations

import io
import mmap
import zlib
from collections.abc import MutableSequence, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from morphsep.audio.containers.splice import Piece

if TYPE_CHECKING:
    from mutagen.ogg import OggPage

Data = mmap.mmap | bytes
FLAGS, GRANULE, NUMBER, CHECKSUM, NUM_SEGMENTS, SEGMENTS = 5, 6, 18, 22, 26, 27
"""Offsets in a page."""
END_OF_STREAM = 4
NUM_NUMBERS = 2**32
"""Of pages, which are counted."""
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""Bytes with their bits the other way round: Ogg's CRC takes them so, zlib's does not."""
ALL_ONES = 0xFFFFFFFF
UNFINISHED = -1
"""Granule position of a page on which no packet ends."""


@dataclass(slots=True)
class Stream:
    """The pages of one stream, in the order of the file."""

    num_headers: int
    """Packets before the sound."""
    pieces: list[Piece] = field(default_factory=list)
    """What is to be read."""
    spans: list[tuple[int, int]] = field(default_factory=list)
    """What there is: pages one behind the other are one span."""
    granules: list[int] = field(default_factory=list)
    """The first and the last granule position of the sound."""
    gap: tuple[int, int] | None = None
    """Before which byte pages are missing, by their numbers, and the granule position there."""
    _number: int | None = None
    _heads: list[tuple[int, int]] = field(default_factory=list)
    _num_packets: int = 0
    _is_past_headers: bool = False
    _early_end: tuple[int, int] | None = None

    @property
    def num_samples(self) -> int:
        """Samples that lie behind the first page of sound, at least: the length without them."""
        return max(0, self.granules[-1] - self.granules[0]) if self.granules else 0

    def add(self, data: Data, start: int, end: int) -> None:
        """Takes the next page, bytes [start, end)."""
        if self._early_end is not None:
            self._replace(self._early_end, _continued(data, *self._early_end))
        self._early_end = (start, end) if data[start + FLAGS] & END_OF_STREAM else None
        self._check_number(data, start)
        _append(self.spans, start, end)
        _append(self.pieces, start, end)
        if not self._is_past_headers:
            self._add_header(data, start, end)
            return
        self._note_granule(data, start)

    def _check_number(self, data: Data, start: int) -> None:
        number = int.from_bytes(data[start + NUMBER : start + NUMBER + 4], "little")
        if self._number is not None and number != self._number and self.gap is None:
            self.gap = (start, self.granules[-1] if self.granules else 0)
        self._number = (number + 1) % NUM_NUMBERS

    def _add_header(self, data: Data, start: int, end: int) -> None:
        self._heads.append((start, end))
        sizes = data[start + SEGMENTS : start + SEGMENTS + data[start + NUM_SEGMENTS]]
        missing = self.num_headers - self._num_packets
        ends = [index for index, size in enumerate(sizes) if size < 255]
        self._num_packets += len(ends)
        self._is_past_headers = len(ends) >= missing
        if not self._is_past_headers or ends[missing - 1] == len(sizes) - 1:
            return  # the sound begins on a page of its own
        if len(ends) > missing:
            self._note_granule(data, start)
        parted = _parted([data[a:b] for a, b in self._heads], self.num_headers)
        if parted is not None:
            self.pieces, self._early_end = [parted], None

    def _note_granule(self, data: Data, start: int) -> None:
        position = data[start + GRANULE : start + GRANULE + 8]
        granule = int.from_bytes(position, "little", signed=True)
        if granule != UNFINISHED:
            self.granules[1:] = [granule]

    def _replace(self, page: tuple[int, int], written: bytes | None) -> None:
        """Puts other bytes in the place of the last page."""
        last = self.pieces[-1]
        if written is None or not isinstance(last, tuple):
            return
        self.pieces.pop()
        if last[0] < page[0]:
            self.pieces.append((last[0], page[0]))
        self.pieces.append(written)


def is_intact(page: bytes) -> bool:
    """Whether a page's checksum is that of its bytes."""
    blank = page[:CHECKSUM] + bytes(4) + page[CHECKSUM + 4 :]
    crc = zlib.crc32(blank.translate(REVERSED), ALL_ONES) ^ ALL_ONES
    backwards = crc.to_bytes(4, "little").translate(REVERSED)
    return backwards[::-1] == page[CHECKSUM : CHECKSUM + 4]


def _append(pieces: MutableSequence[Any], start: int, end: int) -> None:
    last = pieces[-1] if pieces else None
    if isinstance(last, tuple) and last[1] == start:
        start = pieces.pop()[0]
    pieces.append((start, end))


def _read(page: bytes) -> OggPage | None:
    import mutagen
    from mutagen.ogg import OggPage

    try:
        return OggPage(io.BytesIO(page))
    except (mutagen.MutagenError, EOFError):
        return None


def _continued(data: Data, start: int, end: int) -> bytes | None:
    """A page without the mark of the last; None for a damaged one."""
    page = _read(data[start:end])
    if page is None:
        return None
    page.last = False
    return bytes(page.write())


def _parted(pages: Sequence[bytes], num_headers: int) -> bytes | None:
    """Headers, and the sound on the last of their pages on one of its own, which keeps its number.
    Where the headers now take more pages the numbers do not follow: libsndfile reads on, for no
    packet goes from the one to the other. None for damaged pages."""
    read = [page for page in map(_read, pages) if page is not None]
    if len(read) < len(pages):
        return None
    packets: list[bytes] = []
    for page in read:
        for index, packet in enumerate(page.packets):
            if index == 0 and page.continued and packets:
                packets[-1] += packet
            else:
                packets.append(packet)
    heads = _head_pages(packets[:num_headers], read[0])
    return b"".join(page.write() for page in (*heads, _sound_page(packets[num_headers:], read[-1])))


def _head_pages(packets: list[bytes], first: OggPage) -> list[OggPage]:
    from mutagen.ogg import OggPage

    pages = [*OggPage.from_packets(packets[:1]), *OggPage.from_packets(packets[1:])]
    pages[0].first = True
    for index, page in enumerate(pages):
        page.serial, page.sequence = first.serial, first.sequence + index
    return pages


def _sound_page(packets: list[bytes], mixed: OggPage) -> OggPage:
    from mutagen.ogg import OggPage

    page = OggPage()
    page.serial, page.sequence, page.packets = mixed.serial, mixed.sequence, packets
    page.complete, page.last = mixed.complete, mixed.last
    is_finished = len(packets) > 1 or mixed.complete
    page.position = mixed.position if is_finished else UNFINISHED
    return page
