"""Fields to ID3 tags."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from morphsep.audio.tags import id3_frames
from morphsep.audio.tags.fields import Tags, picture_name, why
from morphsep.audio.tags.from_id3 import frame_is_outdated, from_id3
from morphsep.audio.tags.id3_frames import Id3, RawFrame
from morphsep.audio.tags.names import ID3_NAMES, MUSICBRAINZ_OWNER, NUMBERED, txxx_name

if TYPE_CHECKING:
    from mutagen.flac import Picture

Maker = Callable[[int], bytes]
"""Makes a frame for a version of ID3v2: 3 or 4."""
PICTURES, OTHER_PICTURE = range(21), 0
"""Kinds of pictures that ID3 knows, and what others become."""
FRAMES = {field: key for key, field in ID3_NAMES.items()}


def to_id3(tags: Tags) -> tuple[bytes, list[tuple[str, str]]]:
    """A tag with all fields and pictures, and (tag, why) of what it cannot hold.

    The frames of an original tag are kept verbatim, but for those that describe the old sound.
    """
    id3, left_out = _upgraded(Id3(4, 0, ()) if tags.id3 is None else tags.id3)
    left_out += [(raw.id, "it is no frame of ID3") for raw in id3.frames if raw.is_odd]
    kept = [raw for raw in id3.frames if not (raw.is_odd or frame_is_outdated(raw))]
    named = [(raw.id, raw.data) for raw in kept]
    for name, make in _makers(tags):
        try:
            named.append((name, make(id3.version)))
        except Exception as error:  # one tag's harm is its own
            left_out.append((name, why(error)))
    while sum(len(data) for _, data in named) > id3_frames.LARGEST:
        largest = max(named, key=lambda item: len(item[1]))
        named.remove(largest)
        left_out.append((largest[0], "an ID3 tag holds 256 MiB at most"))
    return id3_frames.rendered(id3, [data for _, data in named]), left_out


def _upgraded(id3: Id3) -> tuple[Id3, list[tuple[str, str]]]:
    """A tag of version 2.2 as one of 2.3, and (tag, why) of the frames that it cannot hold."""
    if id3.version > 2:
        return id3, []
    frames: list[RawFrame] = []
    left_out = []
    for raw in id3.frames:
        try:
            found = id3_frames.made(raw.frame, 3)
            if not _say_the_same(raw, found):
                raise ValueError("it is not read back")
            frames.append(found)
        except Exception as error:  # one tag's harm is its own
            reason = f"ID3v2.2 is not kept as it is ({why(error)})"
            left_out += [(name, reason) for name in _names(raw)]
    return Id3(3, 0, tuple(frames)), left_out


def _names(raw: RawFrame) -> list[str]:
    """What a frame's fields and picture are called; its own name where it has none."""
    tags = from_id3(Id3(3, 0, (raw,)))
    return [*tags.fields, *(picture_name(picture) for picture in tags.pictures)] or [raw.id]


def _say_the_same(one: RawFrame, other: RawFrame) -> bool:
    first, second = (from_id3(Id3(3, 0, (raw,))) for raw in (one, other))
    pictures = [[picture.data for picture in tags.pictures] for tags in (first, second)]
    return first.fields == second.fields and pictures[0] == pictures[1]


def without_outdated(tag: bytes) -> tuple[bytes, list[str]]:
    """A tag without what describes the old sound, and the names of that; all else is verbatim.

    Raises:
        ValueError: it is damaged as a whole.
    """
    id3 = id3_frames.parse(tag)
    outdated = from_id3(id3).outdated
    if not outdated:
        return tag, []
    kept = [raw.data for raw in id3.frames if not frame_is_outdated(raw)]
    return id3_frames.rendered(id3, kept), outdated


def _makers(tags: Tags) -> Iterator[tuple[str, Maker]]:
    """Name of each tag that is not in the original ID3 tag, and what makes its frame."""
    from mutagen.id3 import Frames

    fields = dict(tags.fields)
    if tags.id3 is not None:
        fields = {name: fields[name] for name in fields if name in tags.beside_id3}
    for key, (number, total) in NUMBERED.items():
        texts = [*fields.get(number, []), *fields.get(total, [])]
        if len(fields.get(number, [])) == 1 and len(texts) <= 2:
            frame = Frames[key](encoding=3, text=["/".join(texts)])
            yield number, partial(_plain, frame)
            del fields[number]
            fields.pop(total, None)
    for name, values in fields.items():
        yield name, partial(_frame_of, name, values)
    for p in tags.pictures if tags.id3 is None or tags.has_pictures_beside_id3 else []:
        yield picture_name(p), partial(_picture, p)


def _plain(frame: Any, version: int) -> bytes:
    return id3_frames.made(frame, version).data


def _picture(picture: Picture, version: int) -> bytes:
    from mutagen.id3 import APIC

    kind = picture.type if picture.type in PICTURES else OTHER_PICTURE
    mime, desc = (text.replace("\0", " ") for text in (picture.mime, picture.desc))
    frame = APIC(encoding=3, mime=mime, type=kind, desc=desc, data=picture.data)
    return _plain(frame, version)


def _frame_of(name: str, values: list[str], version: int) -> bytes:
    """The frame that says this when it is read back: the field's own, or else a free one."""
    from mutagen.id3 import TXXX

    free = TXXX(encoding=3, desc=txxx_name(name), text=values)
    for frame in filter(None, (_own_frame(name, values), free)):
        with suppress(ValueError):  # a value that this frame cannot hold
            raw = id3_frames.made(frame, version)
            if from_id3(Id3(version, 0, (raw,))).fields == {name: values}:
                return raw.data
    raise ValueError("ID3 cannot hold its name or its text")


def _own_frame(name: str, values: list[str]) -> Any:
    """The frame that is meant for a field, None if there is none."""
    from mutagen import id3

    kind, _, desc = name.partition(":")
    if name in FRAMES and FRAMES[name].startswith("W"):
        return id3.Frames[FRAMES[name]](url=values[0])
    if name in FRAMES:
        return id3.Frames[FRAMES[name]](encoding=3, text=values)
    if kind == "comment":
        return id3.COMM(encoding=3, lang="XXX", desc=desc, text=values)
    if kind == "lyrics":
        return id3.USLT(encoding=3, lang="XXX", desc=desc, text=values[0])
    if name == "musicbrainz_trackid":
        return id3.UFID(owner=MUSICBRAINZ_OWNER, data=values[0].encode("ascii", "replace"))
    return None
