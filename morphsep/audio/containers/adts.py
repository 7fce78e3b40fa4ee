"""ADTS frames, in which AAC lies without a container (ISO/IEC 13818-7)."""

from __future__ import annotations

import io
import mmap
from dataclasses import dataclass
from typing import BinaryIO

from morphsep.audio.containers.frames import Data, Walk, walk

RATES = (
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
)  # fmt: skip
CHANNELS = (0, 1, 2, 3, 4, 5, 6, 8)
"""By the header's code; 0 stands for a description inside the frame."""
SAMPLES = 1024
HEADER_BYTES = 7


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame's header; the length in bytes. With SBR the decoded rate may be twice this one."""

    length: int
    profile: int
    sample_rate: int
    num_channels: int

    @property
    def kind(self) -> tuple[int, int, int]:
        """What stays the same within one recording."""
        return self.profile, self.sample_rate, self.num_channels

    def __str__(self) -> str:
        return f"aac, {self.sample_rate} Hz, {self.num_channels} channel(s)"


def parse_at(data: Data, position: int) -> Frame | None:
    """The frame header at an offset, None if there is none."""
    head = data[position : position + HEADER_BYTES]
    if len(head) < HEADER_BYTES or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return None
    rate, length = head[2] >> 2 & 15, (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    if rate >= len(RATES) or length < HEADER_BYTES:
        return None
    channels = CHANNELS[(head[2] & 1) << 2 | head[3] >> 6]
    return Frame(length, head[2] >> 6, RATES[rate], channels)


def scan(file: BinaryIO, start: int) -> Walk[Frame] | None:
    """All frames from ``start`` on; None if the file is not on this machine."""
    if not isinstance(file, io.FileIO):
        return None
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return walk(data, start, parse_at)
