"""Streams of frames that have a header each (MPEG audio, ADTS), walked to the end of the file.

Files of this kind can be put together with `cat`, and are: between two recordings lie tags, and
each may have a rate and channels of its own.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

ID3V1_BYTES = 128
FRAMES_IN_A_ROW = 4
"""Frames that must follow one another to be taken for sound of another kind, and not for bytes
that look like a header by chance."""

Data = mmap.mmap | bytes


class Frame(Protocol):
    """A frame's header."""

    @property
    def length(self) -> int:
        """Bytes of the whole frame."""

    @property
    def kind(self) -> tuple[object, ...]:
        """What must not change within a recording: rate, channels, coding."""


F = TypeVar("F", bound=Frame)
Parse = Callable[[Data, int], F | None]
"""The header at an offset, None if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk(Generic[F]):
    """All frames of the first one's kind."""

    num_frames: int
    spans: tuple[tuple[int, int], ...]
    """Where they lie, as (first byte, one after the last), joined where they touch."""
    other: tuple[int, F] | None
    """Offset and header of the first frame of another kind, where the walk ended."""
    cut_frame: int | None = None
    """Offset of a last frame that the file ends within."""


def walk(data: Data, position: int, parse: Parse[F]) -> Walk[F]:
    """Counts complete frames from the one at ``position`` to the end of the file."""
    first = parse(data, position)
    count, end, begin, cut_frame = 0, len(data), position, None
    spans: list[tuple[int, int]] = []
    while first is not None and position < end:
        frame = parse(data, position)
        if frame is not None and frame.kind == first.kind:
            if position + frame.length > end:
                cut_frame = position
                break
            position += frame.length
            count += 1
            continue
        spans += [(begin, position)] * (position > begin)
        found = _next(data, position, first.kind, parse)
        if found is None:
            return Walk(num_frames=count, spans=tuple(spans), other=None)
        begin = position = found[0]
        if found[1].kind != first.kind:
            return Walk(num_frames=count, spans=tuple(spans), other=found)
    spans += [(begin, position)] * (position > begin)
    return Walk(num_frames=count, spans=tuple(spans), other=None, cut_frame=cut_frame)


def in_a_row(data: Data, position: int, parse: Parse[F], most: int) -> int:
    """How many complete frames of one kind follow one another from ``position``, up to ``most``."""
    count, end = 0, len(data)
    first = frame = parse(data, position)
    while frame is not None and first is not None and frame.kind == first.kind and count < most:
        position += frame.length
        if position > end:
            break
        count += 1
        frame = parse(data, position)
    return count


def tag_bytes(head: bytes) -> int:
    """Length of the ID3v2, ID3v1 or APE tag that begins with these bytes, 0 if none does."""
    if head[:3] == b"ID3" and len(head) >= 10 and max(head[6:10]) < 0x80:
        size = sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        return 10 + size + (10 if head[5] & 0x10 else 0)
    if head[:8] == b"APETAGEX" and len(head) >= 16:
        return 32 + int.from_bytes(head[12:16], "little")
    return ID3V1_BYTES if head[:3] == b"TAG" else 0


def _next(
    data: Data, position: int, kind: tuple[object, ...], parse: Parse[F]
) -> tuple[int, F] | None:
    """The next frame that is surely one, past tags and anything else; None if there is none."""
    end = len(data)
    while length := tag_bytes(data[position : position + 16]):
        after = position + length
        if after > end or not (parse(data, after) or tag_bytes(data[after : after + 16])):
            break  # its size is wrong, or the last one: what follows is searched
        position = after
    while (position := data.find(b"\xff", position)) >= 0:
        frame = parse(data, position)
        needed = 2 if frame is not None and frame.kind == kind else FRAMES_IN_A_ROW
        if frame is not None and in_a_row(data, position, parse, needed) == needed:
            return position, frame
        position += 1
    return None
