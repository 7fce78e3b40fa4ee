"""Vorbis comments, in FLAC and Ogg files: read and written one by one.

Formats: Vorbis I (comment header), RFC 9639 (FLAC), RFC 7845 (Opus).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from morphsep.audio.tags.fields import UNNAMED, Tags, picture_name, why
from morphsep.audio.tags.names import free_name

if TYPE_CHECKING:
    from mutagen.flac import Picture

FLAC_BLOCK = 2**24 - 1
"""Bytes that a metadata block of a FLAC can hold."""
OGG_COMMENTS = 2**24
OGG_PICTURES = 2**24
"""Bytes that an Ogg is given, before base64: mutagen's time goes by their square (16 MiB: 6 s)."""
VENDOR_BYTES, ENTRY_BYTES = 2**10, 5
"""What the vendor takes at most, and each comment beside its name and value."""
APPLICATION, COMMENTS, CUE_SHEET, PICTURE = 2, 4, 5, 6
"""Kinds of FLAC's metadata blocks."""

_PICTURE_FIELD = "metadata_block_picture"


@dataclass(frozen=True, slots=True)
class _RawBlock:
    """A block as mutagen wants it for writing."""

    code: int
    data: bytes

    def write(self) -> bytes:
        return self.data


def comment_name(name: str) -> str:
    """A name as Vorbis comments can spell it: printable ASCII but for `=` and `~`; the UTF-8 bytes
    of all else are percent-encoded, as in a URL."""
    return "".join(each if " " <= each <= "}" and each != "=" else _escaped(each) for each in name)


def _escaped(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "replace"))


def from_comments(data: bytes) -> Tags:
    """Fields and pictures of a comment header: a vendor, a count, then NAME=value each."""
    tags = Tags()
    position = 4 + int.from_bytes(data[:4], "little")
    count = int.from_bytes(data[position : position + 4], "little")
    position += 4
    for index in range(count):
        size = int.from_bytes(data[position : position + 4], "little")
        entry = data[position + 4 : position + 4 + size]
        if position + 4 + size > len(data):
            tags.left_out.append((f"comments from number {index + 1}", "they are cut off"))
            break
        _add_comment(tags, *entry.partition(b"="))
        position += 4 + size
    return tags


def _add_comment(tags: Tags, raw_name: bytes, equals: bytes, raw_value: bytes) -> None:
    name = raw_name.decode("utf-8", "replace")
    if not equals:
        tags.left_out.append((name or UNNAMED, "it has no name"))
        return
    if name.lower() == _PICTURE_FIELD:
        try:
            add_picture_block(tags, base64.b64decode(raw_value, validate=True))
        except binascii.Error as error:
            tags.left_out.append((name, f"it is damaged ({error})"))
        return
    try:
        tags.add(free_name(name), raw_value.decode("utf-8"))
    except UnicodeDecodeError:
        tags.add(free_name(name), raw_value.decode("latin-1"))


def add_picture_block(tags: Tags, data: bytes) -> None:
    """Adds a picture from FLAC's block of one."""
    from mutagen import MutagenError
    from mutagen.flac import Picture

    try:
        tags.pictures.append(Picture(data))
    except (MutagenError, ValueError) as error:
        tags.left_out.append(("picture", f"it is damaged ({why(error)})"))


def planned(
    tags: Tags, is_flac: bool
) -> tuple[dict[str, list[str]], list[Picture], list[tuple[str, str]]]:
    """Comments and pictures as a file will hold them, and (tag, why) of what does not fit: the
    largest are left out until the rest fits."""
    comments: dict[str, list[str]] = {}
    for name, values in tags.fields.items():
        texts = [value.encode("utf-8", "replace").decode("utf-8") for value in values]
        comments.setdefault(comment_name(name), []).extend(texts)
    sizes = {
        name: sum(len(value.encode()) + len(name) + ENTRY_BYTES for value in values)
        for name, values in comments.items()
    }
    left_out = []
    for name in _too_large(sizes, (FLAC_BLOCK if is_flac else OGG_COMMENTS) - VENDOR_BYTES):
        del comments[name]
        left_out.append((name, "the comments of a file are 16 MiB at most"))
    pictures = dict(enumerate(tags.pictures))
    blocks = {index: len(_block(picture)) for index, picture in pictures.items()}
    most = "a FLAC holds 16 MiB a picture" if is_flac else "an Ogg is given 16 MiB of pictures"
    large = [index for index in blocks if is_flac and blocks[index] > FLAC_BLOCK]
    for index in large if is_flac else _too_large(blocks, OGG_PICTURES):
        left_out.append((picture_name(pictures.pop(index)), f"{most} at most"))
    return comments, [*pictures.values()], left_out


def _too_large(sizes: dict[Any, int], most: int) -> list[Any]:
    """Whose sizes have to go, from the largest, until the sum of the rest is not above ``most``."""
    total, found = sum(sizes.values()), []
    for name in sorted(sizes, key=lambda each: sizes[each], reverse=True):
        if total <= most:
            break
        total -= sizes[name]
        found.append(name)
    return found


def _block(picture: Picture) -> bytes:
    data: bytes = picture.write()
    return data


def write(target: BinaryIO, tags: Tags) -> list[tuple[str, str]]:
    """Writes the tags into a FLAC or an Ogg; returns (tag, why) of what does not fit."""
    from mutagen.flac import FLAC

    file = _opened(target)
    comments, pictures, left_out = planned(tags, isinstance(file, FLAC))
    if not (comments or pictures or tags.flac_blocks):
        return left_out
    if file.tags is None:
        file.add_tags()
    for name, values in comments.items():
        file.tags[name] = values
    if isinstance(file, FLAC):
        for picture in pictures:
            file.add_picture(picture)
        for kind, data in tags.flac_blocks:
            file.metadata_blocks.append(_RawBlock(kind, data))
    elif pictures:
        file.tags[_PICTURE_FIELD] = [base64.b64encode(_block(p)).decode() for p in pictures]
    target.seek(0)
    file.save(fileobj=target)
    return left_out


def _opened(file: BinaryIO) -> Any:
    """mutagen's view of a FLAC, an Ogg Vorbis or an Opus."""
    from mutagen.flac import FLAC
    from mutagen.oggopus import OggOpus
    from mutagen.oggvorbis import OggVorbis

    file.seek(0)
    head = file.read(64)
    file.seek(0)
    kind = FLAC if head.startswith(b"fLaC") else OggOpus if b"OpusHead" in head else OggVorbis
    return kind(fileobj=file)
