"""Copy tags and pictures from an input to its result; the samples stay as they are."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, BinaryIO

from morphsep.audio.containers import chunks
from morphsep.audio.probe import sniff
from morphsep.audio.tags.chunks import append, copyable, made_from, read_fields
from morphsep.audio.tags.fields import Tags, from_asf, from_id3, from_mp4, from_vorbis


def copy_tags(source: str, destination: str) -> str | None:
    """Copy the tags of ``source`` into the finished file ``destination``.

    Between files of one kind (WAV to WAV or RF64, AIFF to AIFF, FLAC to FLAC, ...) everything is
    kept, with pictures, cue sheets and broadcast chunks (bext, cart); else titles, names, numbers,
    lyrics and pictures. Returns None, or a sentence about what could not be kept. Nothing is
    raised: a lost tag must not fail a track.
    """
    try:
        with Path(source).open("rb") as old, Path(destination).open("r+b") as new:
            return _copy(old, new)
    except Exception as error:
        return f"tags were not copied ({type(error).__name__}: {error})"


def read_tags(path: str) -> dict[str, str]:
    """Name -> text of a file's tags (several values of one name on lines of their own); empty if
    there are none that can be read."""
    try:
        with Path(path).open("rb") as file:
            layout = _layout(file)
            tags = _read(file) if layout is None else read_fields(copyable(file, layout))
    except Exception:  # mutagen raises many types on damaged tags; none may fail a track
        return {}
    return {name: "\n".join(values) for name, values in tags.fields.items()}


def _copy(old: BinaryIO, new: BinaryIO) -> str | None:
    old_layout, new_layout = _layout(old), _layout(new)
    if new_layout is not None and old_layout == new_layout and new_layout is not chunks.W64:
        append(new, new_layout, copyable(old, old_layout))
        return None
    tags = read_fields(copyable(old, old_layout)) if old_layout is not None else _read(old)
    if not tags:
        return None
    if new_layout is None:
        _write_comments(old, new, tags)
        return None
    pieces = made_from(tags, new_layout)
    if not pieces:
        return "tags were not copied: w64 holds none; choose wav, rf64, flac, aiff or caf"
    append(new, new_layout, pieces)
    return "pictures were not copied: caf holds none" if _drops_pictures(tags, new_layout) else None


def _drops_pictures(tags: Tags, layout: chunks.Layout) -> bool:
    return layout is chunks.CAF and bool(tags.pictures)


def _layout(file: BinaryIO) -> chunks.Layout | None:
    file.seek(0)
    return chunks.layout_of(file.read(16))


def _read(file: BinaryIO) -> Tags:
    """Tags of a file without chunks."""
    from mutagen.asf import ASF
    from mutagen.flac import FLAC
    from mutagen.id3 import ID3, ID3NoHeaderError
    from mutagen.mp4 import MP4

    kind = sniff(file)
    file.seek(0)
    if kind == "FLAC":
        flac = FLAC(fileobj=file)
        return from_vorbis(flac.tags or [], flac.pictures)
    if kind == "OGG":
        return from_vorbis(_ogg(file).tags or [], [])
    if kind == "M4A":
        return from_mp4(MP4(fileobj=file).tags or {})
    if kind == "WMA":
        return from_asf(ASF(fileobj=file).tags or {})
    try:
        return from_id3(ID3(fileobj=file))
    except ID3NoHeaderError:
        return Tags()


def _ogg(file: BinaryIO) -> Any:
    from mutagen.oggopus import OggOpus
    from mutagen.oggvorbis import OggVorbis

    file.seek(0)
    is_opus = b"OpusHead" in file.read(64)
    file.seek(0)
    return (OggOpus if is_opus else OggVorbis)(fileobj=file)


def _write_comments(old: BinaryIO, new: BinaryIO, tags: Tags) -> None:
    """Vorbis comments, in a FLAC or an Ogg file."""
    from mutagen.flac import FLAC

    is_flac = sniff(new) == "FLAC"
    new.seek(0)
    file: Any = FLAC(fileobj=new) if is_flac else _ogg(new)
    if file.tags is None:
        file.add_tags()
    for name, values in tags.fields.items():
        file.tags[name] = values
    if is_flac:
        for picture in tags.pictures:
            file.add_picture(picture)
        _keep_blocks(old, file)
    elif tags.pictures:
        pictures = [base64.b64encode(picture.write()).decode() for picture in tags.pictures]
        file.tags["metadata_block_picture"] = pictures
    new.seek(0)
    file.save(fileobj=new)


def _keep_blocks(old: BinaryIO, new: Any) -> None:
    """A FLAC's cue sheet and application blocks, if the source is a FLAC."""
    from mutagen.flac import FLAC

    cue_sheet, application = 5, 2
    if sniff(old) != "FLAC":
        return
    old.seek(0)
    for block in FLAC(fileobj=old).metadata_blocks:
        if block.code in (cue_sheet, application):
            new.metadata_blocks.append(block)
