"""Tags of the later parts of a file that was joined: a result holds those of the first."""

from __future__ import annotations

import io
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from morphsep.audio.tags.fields import Tags
from morphsep.audio.tags.from_id3 import from_id3
from morphsep.audio.tags.id3_frames import HEADER_BYTES, parse, tag_bytes

ONE_RECORDING = "a result has the tags of the first part"
SYNC = (0xFF, 0xE0)
"""How a frame of sound begins."""


def add_later(tags: Tags, parts: Iterator[Tags]) -> None:
    """Names what later parts say beyond, or otherwise than, the first."""
    for number, part in enumerate(parts, 2):
        different = [
            name for name, values in part.fields.items() if tags.fields.get(name) != values
        ]
        tags.left_out += [(f"{name} of part {number}", ONE_RECORDING) for name in different]
        known = [picture.data for picture in tags.pictures]
        if any(picture.data not in known for picture in part.pictures):
            tags.left_out.append((f"pictures of part {number}", ONE_RECORDING))


@contextmanager
def mapped(file: BinaryIO) -> Iterator[mmap.mmap | bytes]:
    """The bytes of a whole file; in memory only where the system cannot map it."""
    try:
        number = file.fileno()
    except io.UnsupportedOperation:
        number = None
    file.seek(0)
    if number is None or not os.fstat(number).st_size:
        yield file.read()
        return
    with mmap.mmap(number, 0, access=mmap.ACCESS_READ) as data:
        yield data


def later_id3(file: BinaryIO, start: int) -> Iterator[Tags]:
    """ID3v2 tags inside the sound of an MPEG or ADTS file.

    Args:
        start: where the sound begins.
    """
    with mapped(file) as data:
        position = start
        while (position := data.find(b"ID3", position)) >= 0:
            end = position + (tag_bytes(data[position : position + HEADER_BYTES]) or 0)
            if not _is_sound(data[end : end + 2]) or end == position:
                position += 1
                continue
            try:
                yield from_id3(parse(data[position:end]))
            except ValueError as error:
                yield Tags(fields={"ID3 tag": [str(error)]})
            position = end


def _is_sound(head: bytes) -> bool:
    return len(head) == 2 and head[0] == SYNC[0] and head[1] & SYNC[1] == SYNC[1]
