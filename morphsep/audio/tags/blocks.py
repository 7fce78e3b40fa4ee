"""Where the comments of a FLAC and of an Ogg lie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from morphsep.audio.tags.fields import Tags
from morphsep.audio.tags.vorbis import (
    APPLICATION,
    COMMENTS,
    CUE_SHEET,
    PICTURE,
    add_picture_block,
    from_comments,
)

LAST = 0x80
"""In a block's first byte: no other follows."""
OPUS, VORBIS, OGG_FLAC = b"OpusTags", b"\x03vorbis", b"\x7fFLAC"
OGG_FLAC_HEADER_BYTES = 9
ONLY_FLAC = "only a FLAC can hold it"


def from_flac(file: BinaryIO, start: int) -> Tags:
    """Tags of the FLAC whose ``fLaC`` lies at ``start``."""
    file.seek(start + 4)
    tags = Tags()
    while len(head := file.read(4)) == 4:
        _add_block(tags, head[0] & 127, file.read(int.from_bytes(head[1:], "big")))
        if head[0] & LAST:
            break
    return tags


def from_ogg(file: BinaryIO) -> Tags:
    """Tags of an Ogg's first stream: Vorbis, Opus, Speex or FLAC.

    Raises:
        mutagen.MutagenError: it is damaged.
    """
    packets = _packets(file)
    first = next(packets, b"")
    if first.startswith(OGG_FLAC):
        tags = Tags()
        for packet in packets:
            if packet[:1] == b"\xff":  # sound
                break
            _add_block(tags, packet[0] & 127, packet[4:])
            if packet[0] & LAST:
                break
        return tags
    comments = next(packets, b"")
    for prefix in (OPUS, VORBIS):
        if comments.startswith(prefix):
            comments = comments.removeprefix(prefix)
    return from_comments(comments)


def _add_block(tags: Tags, kind: int, data: bytes) -> None:
    """Adds a metadata block of FLAC's."""
    if kind == COMMENTS:
        found = from_comments(data)
        tags.fields, tags.left_out = found.fields, tags.left_out + found.left_out
        tags.pictures += found.pictures
        tags.outdated += found.outdated
    elif kind == PICTURE:
        add_picture_block(tags, data)
    elif kind in (CUE_SHEET, APPLICATION):
        name = f"application block {data[:4].decode('latin-1')}"
        tags.only_here.append(("cue sheet" if kind == CUE_SHEET else name, ONLY_FLAC))
        tags.flac_blocks.append((kind, data))


def _packets(file: BinaryIO) -> Iterator[bytes]:
    """Packets of the stream that begins the file."""
    from mutagen.ogg import OggPage

    file.seek(0)
    serial, part = None, bytearray()
    while True:
        try:
            page = OggPage(file)
        except EOFError:
            return
        serial = page.serial if serial is None else serial
        if page.serial != serial:
            continue
        for index, packet in enumerate(page.packets):
            part += packet
            is_last = index == len(page.packets) - 1
            if not is_last or page.complete:
                yield bytes(part)
                part.clear()
