"""Where the comments of a FLAC and of an Ogg lie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from morphsep.audio.containers import ogg
from morphsep.audio.containers.ogg import HEADER_BYTES
from morphsep.audio.containers.ogg_stream import Data
from morphsep.audio.tags.fields import Tags, why
from morphsep.audio.tags.later import add_later, mapped
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
APPLICATION_ID_BYTES = 4
SOUND = b"\xff"
"""First byte of a packet of FLAC's sound."""
FULL_SEGMENT = 255
"""Bytes of a segment after which the packet goes on."""
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
    """Tags of an Ogg's first link: Vorbis, Opus, Speex or FLAC; those of later links are named."""
    with mapped(file) as data:
        links = [_from_link(data, link) for link in ogg.read_chain(data).links if link.coding]
    tags = links[0] if links else Tags(left_out=[("comments", "no sound that is known")])
    add_later(tags, iter(links[1:]))
    return tags


def _from_link(data: Data, link: ogg.Link) -> Tags:
    packets = _packets(data, link)
    first = next(packets, b"")
    if first.startswith(OGG_FLAC):
        return _from_ogg_flac(packets)
    comments = next(packets, b"")
    for prefix in (OPUS, VORBIS):
        comments = comments.removeprefix(prefix)
    return from_comments(comments)


def _from_ogg_flac(packets: Iterator[bytes]) -> Tags:
    tags = Tags()
    for packet in packets:
        if packet[:1] == SOUND:
            break
        _add_block(tags, packet[0] & 127, packet[4:])
        if packet[0] & LAST:
            break
    return tags


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
        _add_own_block(tags, kind, data)


def _add_own_block(tags: Tags, kind: int, data: bytes) -> None:
    """Adds a block for a FLAC; with a damaged one decoders would refuse the file."""
    from mutagen.flac import CueSheet

    is_sheet = kind == CUE_SHEET
    name = "cue sheet" if is_sheet else f"application block {data[:4].decode('latin-1')}"
    try:
        data = CueSheet(data).write() if is_sheet else data
        if len(data) < APPLICATION_ID_BYTES:
            raise ValueError("it has no id")
    except Exception as error:  # mutagen raises many types
        tags.left_out.append((name, f"it is damaged ({why(error)})"))
        return
    tags.only_here.append((name, ONLY_FLAC))
    tags.flac_blocks.append((kind, data))


def _packets(data: Data, link: ogg.Link) -> Iterator[bytes]:
    """Packets of a link's first sound stream."""
    part = bytearray()
    for page in _pages(data, link):
        sizes = page[HEADER_BYTES : HEADER_BYTES + page[HEADER_BYTES - 1]]
        position = HEADER_BYTES + len(sizes)
        for size in sizes:
            part += page[position : position + size]
            position += size
            if size < FULL_SEGMENT:
                yield bytes(part)
                part.clear()


def _pages(data: Data, link: ogg.Link) -> Iterator[bytes]:
    for start, stop in link.sound.spans if link.sound else ():
        while start + HEADER_BYTES <= stop:
            segments = data[start + HEADER_BYTES - 1]
            body = start + HEADER_BYTES + segments
            end = body + sum(data[start + HEADER_BYTES : body])
            yield data[start : min(end, stop)]
            start = end
