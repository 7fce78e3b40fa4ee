"""MPEG audio frames: is it really mp3, how many frames are there, how many does the header promise.

libsndfile (mpg123) guesses the length of a file without a Xing header from its first frame and
then stops there, which cuts the end off a file of variable bit rate; and of files that were put
together it reads the first one only. So frames are counted here, to the end of the file.
Format: ISO/IEC 11172-3, 13818-3; Xing header as written by LAME.
"""

from __future__ import annotations

import io
import mmap
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO, NamedTuple

from morphsep.audio.containers.frames import Data, Walk, tag_bytes, walk

SEARCH = 65_536
"""Bytes in which the first frame has to begin: mpg123's own limit."""
FRAME_SLACK = 2
"""Frames by which encoders' counts differ (with or without the header's own frame)."""

_RATES = (44_100, 48_000, 32_000)
_KBITS = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame's header: layer (3 is mp3), length in bytes, samples per channel, rate in Hz."""

    layer: int
    length: int
    num_samples: int
    sample_rate: int
    is_mono: bool
    is_version_1: bool
    kind: tuple[int, int, bool]
    """What stays the same within one recording: layer, rate, channels."""

    @property
    def num_channels(self) -> int:
        return 1 if self.is_mono else 2


@dataclass(frozen=True, slots=True, kw_only=True)
class MpegScan:
    """What a file's frame headers say, each read once."""

    first: Frame
    header: bytes
    """The first frame's four header bytes."""
    offset: int
    """Of the first frame."""
    start: int
    """Offset of the first frame that holds sound (a Xing frame does not)."""
    promised_frames: int | None
    num_frames: int
    spans: tuple[tuple[int, int], ...]
    """Where the frames with sound lie; more than one where recordings were put together."""
    other: tuple[int, Frame] | None
    """Offset and header of the first frame that has another rate, layer or number of channels."""
    cut_frame: int | None
    """Offset of a last frame that the file ends within."""

    @property
    def num_samples(self) -> int:
        """Samples per channel, encoder delay and padding included."""
        return self.num_frames * self.first.num_samples

    @property
    def end(self) -> int:
        """Offset of the first byte after the last frame."""
        return self.spans[-1][1] if self.spans else self.start

    @property
    def is_short(self) -> bool:
        return self.promised_frames is not None and (
            self.num_frames < self.promised_frames - FRAME_SLACK
        )

    @property
    def is_promised(self) -> bool:
        """Whether mpg123 can take the length from the file's own header, and find all of it."""
        return len(self.spans) == 1 and (
            self.promised_frames is not None and self.num_frames <= self.promised_frames
        )


@lru_cache(maxsize=4096)
def parse(header: bytes) -> Frame | None:
    """The frame header in four bytes, None if they are not one."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version_bits, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    kbit_index, rate_index, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version_bits == 1 or layer == 4 or kbit_index in (0, 15) or rate_index == 3:
        return None
    is_version_1 = version_bits == 3
    kbits = _KBITS[(1, layer) if is_version_1 else (2, min(layer, 2))][kbit_index - 1]
    sample_rate = _RATES[rate_index] // {3: 1, 2: 2, 0: 4}[version_bits]
    num_samples = 384 if layer == 1 else 576 if layer == 3 and not is_version_1 else 1152
    is_mono, slot = header[3] >> 6 == 3, 4 if layer == 1 else 1
    length = (num_samples // 8 * kbits * 1000 // sample_rate // slot + padding) * slot
    return Frame(
        layer=layer,
        length=length,
        num_samples=num_samples,
        sample_rate=sample_rate,
        is_mono=is_mono,
        is_version_1=is_version_1,
        kind=(layer, sample_rate, is_mono),
    )


def scan(file: BinaryIO) -> MpegScan | None:
    """Count the frames; None if this is not MPEG audio (two consecutive frames are required).

    The frames of a remote file are not counted: their number is taken from the header, or estimated
    from the frames at the beginning.
    """
    if not isinstance(file, io.FileIO):
        return _guess(file)
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        begin = _begin(data, skip_id3(data))
        return begin and begin.scan(walk(data, begin.start, parse_at))


def xing_frame(scan: MpegScan) -> bytes:
    """A silent first frame that tells mpg123 how many frames follow."""
    code = scan.header[2] & 0b00001100 | 9 << 4
    header = bytes((0xFF, scan.header[1] | 1, code, scan.header[3]))
    frame = parse(header)
    assert frame is not None
    tag = b"Xing" + (1).to_bytes(4, "big") + scan.num_frames.to_bytes(4, "big")
    return (header + bytes(_side_bytes(frame)) + tag).ljust(frame.length, b"\0")


def id3_end(file: BinaryIO) -> int:
    """Offset of the first byte after the ID3v2 tags at the start of a file."""
    position = 0
    while True:
        file.seek(position)
        length = _id3_bytes(file.read(10))
        if not length:
            return position
        position += length


def skip_id3(data: Data) -> int:
    """Offset of the first byte after the ID3v2 tags at the start of ``data``."""
    position = 0
    while length := _id3_bytes(data[position : position + 10]):
        position += length
    return position


def _id3_bytes(head: bytes) -> int:
    return tag_bytes(head) if head[:3] == b"ID3" else 0


def parse_at(data: Data, position: int) -> Frame | None:
    return parse(data[position : position + 4])


class _Begin(NamedTuple):
    """Where a stream begins: its first frame, and the first that holds sound."""

    first: Frame
    header: bytes
    offset: int
    start: int
    promised: int | None

    def scan(self, found: Walk[Frame], shift: int = 0) -> MpegScan:
        return MpegScan(
            first=self.first, header=self.header,
            offset=shift + self.offset, start=shift + self.start, promised_frames=self.promised,
            num_frames=found.num_frames, spans=found.spans, other=found.other,
            cut_frame=found.cut_frame,
        )  # fmt: skip


def _guess(file: BinaryIO) -> MpegScan | None:
    skipped, size = id3_end(file), file.seek(0, io.SEEK_END)
    file.seek(skipped)
    head = file.read(2 * SEARCH)
    begin = _begin(head, 0)
    if begin is None:
        return None
    number = begin.promised
    if number is None:
        seen = walk(head, begin.start, parse_at).num_frames
        number = round((size - skipped - begin.start) * seen / max(1, len(head) - begin.start))
    whole = ((skipped + begin.start, size),)
    return begin.scan(Walk(num_frames=number, spans=whole, other=None), skipped)


def _begin(data: Data, position: int) -> _Begin | None:
    """What begins at or after ``position``."""
    offset = _sync(data, position)
    first = None if offset is None else parse_at(data, offset)
    if offset is None or first is None:
        return None
    promised = _promised_frames(data[offset : offset + first.length], first)
    start = offset + (first.length if promised is not None else 0)
    return _Begin(first, data[offset : offset + 4], offset, start, promised)


def _side_bytes(frame: Frame) -> int:
    if frame.is_version_1:
        return 17 if frame.is_mono else 32
    return 9 if frame.is_mono else 17


def _promised_frames(body: bytes, frame: Frame) -> int | None:
    tag = body[4 + _side_bytes(frame) :][:12]
    if len(tag) < 12 or tag[:4] not in (b"Xing", b"Info") or not tag[7] & 1:
        return None
    return int.from_bytes(tag[8:12], "big")


def _sync(data: Data, position: int) -> int | None:
    """The first offset, within ``SEARCH`` bytes, where two frames of one sample rate follow each
    other."""
    stop = min(position + SEARCH, len(data) - 4)
    while (position := data.find(b"\xff", position, stop)) >= 0:
        frame = parse(data[position : position + 4])
        if frame is not None:
            following = position + frame.length
            after = parse(data[following : following + 4])
            is_last = following == len(data) or data[following : following + 3] == b"TAG"
            if is_last or (after is not None and after.sample_rate == frame.sample_rate):
                return position
        position += 1
    return None
