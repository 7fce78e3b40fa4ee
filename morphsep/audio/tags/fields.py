"""Tags as fields with Vorbis comment names plus pictures: read from any format, written to any.

Names follow the formats' own specifications and the MusicBrainz Picard mapping.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mutagen.flac import Picture
    from mutagen.id3 import ID3

ID3_NAMES = {
    "TIT2": "title", "TPE1": "artist", "TALB": "album", "TDRC": "date", "TCON": "genre",
    "TPE2": "albumartist", "TCOM": "composer", "TSRC": "isrc", "TBPM": "bpm", "TCOP": "copyright",
    "TPUB": "organization", "TENC": "encodedby", "TLAN": "language", "TKEY": "initialkey",
    "TIT1": "grouping", "TIT3": "subtitle", "TPE3": "conductor", "TPE4": "remixer",
    "TEXT": "lyricist", "TSOP": "artistsort", "TSOA": "albumsort", "TSOT": "titlesort",
    "TSO2": "albumartistsort", "TDOR": "originaldate", "TMED": "media", "TCMP": "compilation",
}  # fmt: skip
MP4_NAMES = {
    "\xa9nam": "title", "\xa9ART": "artist", "\xa9alb": "album", "\xa9day": "date",
    "\xa9gen": "genre", "aART": "albumartist", "\xa9wrt": "composer", "\xa9cmt": "comment",
    "\xa9lyr": "lyrics", "\xa9grp": "grouping", "cprt": "copyright", "tmpo": "bpm",
    "soar": "artistsort", "soal": "albumsort", "sonm": "titlesort", "soaa": "albumartistsort",
}  # fmt: skip
ASF_NAMES = {
    "Title": "title", "Author": "artist", "WM/AlbumTitle": "album", "WM/Year": "date",
    "WM/Genre": "genre", "WM/AlbumArtist": "albumartist", "WM/Composer": "composer",
    "WM/TrackNumber": "tracknumber", "WM/PartOfSet": "discnumber", "Description": "comment",
    "Copyright": "copyright", "WM/ISRC": "isrc", "WM/Publisher": "organization",
    "WM/BeatsPerMinute": "bpm", "WM/Lyrics": "lyrics",
}  # fmt: skip
NUMBERED = {"TRCK": ("tracknumber", "tracktotal"), "TPOS": ("discnumber", "disctotal")}


@dataclass(slots=True, kw_only=True)
class Tags:
    """Tags and pictures of one file."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    """By lower-case Vorbis comment name."""
    pictures: list[Picture] = field(default_factory=list)
    id3: ID3 | None = None
    """The original ID3 tag, for formats that hold one."""

    def __bool__(self) -> bool:
        return bool(self.fields or self.pictures or self.id3)

    def add(self, name: str, *values: object) -> None:
        """Append the values that are not empty; some formats separate values by NUL."""
        texts = [part for value in values for part in str(value).split("\0") if part.strip()]
        if texts:
            self.fields.setdefault(name.lower(), []).extend(texts)

    def add_missing(self, name: str, value: str) -> None:
        if name not in self.fields:
            self.add(name, value)


def from_id3(id3: ID3) -> Tags:
    tags = Tags(id3=id3)
    for frame in id3.values():
        _add_frame(tags, frame)
    return tags


def from_vorbis(comments: Any, pictures: list[Picture]) -> Tags:
    """``comments``: pairs of name and value."""
    from mutagen.flac import Picture

    tags = Tags(pictures=list(pictures))
    for name, value in comments:
        if name.lower() == "metadata_block_picture":
            tags.pictures.append(Picture(base64.b64decode(value)))
        else:
            tags.add(name, value)
    return tags


def from_mp4(mp4: Any) -> Tags:
    tags = Tags()
    for key, values in mp4.items():
        if key in MP4_NAMES:
            tags.add(MP4_NAMES[key], *values)
        elif key in ("trkn", "disk"):
            name = {"trkn": "track", "disk": "disc"}[key]
            for number, total in values:
                tags.add(f"{name}number", number or "")
                tags.add(f"{name}total", total or "")
        elif key == "covr":
            png = 14
            kinds = [
                ("image/png" if cover.imageformat == png else "image/jpeg") for cover in values
            ]
            tags.pictures += [
                _picture(bytes(c), kind) for c, kind in zip(values, kinds, strict=True)
            ]
        elif key.startswith("----:"):
            texts = [bytes(value).decode("utf-8", "replace") for value in values]
            tags.add(key.rsplit(":", 1)[-1], *texts)
    return tags


def from_asf(asf: Any) -> Tags:
    tags = Tags()
    for key, values in asf.items():
        if key in ASF_NAMES:
            tags.add(ASF_NAMES[key], *values)
    return tags


def to_id3(tags: Tags) -> bytes:
    """An ID3v2.4 tag."""
    from mutagen import id3

    made = tags.id3
    if made is None:
        made = id3.ID3()
        for frame in _id3_frames(tags.fields):
            made.add(frame)
        for p in tags.pictures:
            made.add(id3.APIC(encoding=3, mime=p.mime, type=p.type, desc=p.desc, data=p.data))
    buffer = io.BytesIO()
    made.save(buffer, padding=lambda _: 0)
    return buffer.getvalue()


def _id3_frames(fields: Mapping[str, list[str]]) -> Iterator[Any]:
    from mutagen import id3

    for key, (name, total_name) in NUMBERED.items():
        number = "/".join(fields[part][0] for part in (name, total_name) if part in fields)
        if name in fields:
            yield id3.Frames[key](encoding=3, text=[number])
    names = {name: key for key, name in ID3_NAMES.items()}
    numbered = {name for both in NUMBERED.values() for name in both}
    for name, values in fields.items():
        if name in names:
            yield id3.Frames[names[name]](encoding=3, text=values)
        elif name == "comment":
            yield id3.COMM(encoding=3, lang="XXX", desc="", text=values)
        elif name == "lyrics":
            yield id3.USLT(encoding=3, lang="XXX", desc="", text="\n".join(values))
        elif name not in numbered:
            yield id3.TXXX(encoding=3, desc=name, text=values)


def _add_frame(tags: Tags, frame: Any) -> None:
    key = frame.FrameID
    if key in NUMBERED:
        number, _, total = str(frame.text[0]).partition("/")
        tags.add(NUMBERED[key][0], number)
        tags.add(NUMBERED[key][1], total)
    elif key == "TCON":
        tags.add("genre", *frame.genres)
    elif key in ID3_NAMES:
        tags.add(ID3_NAMES[key], *frame.text)
    elif key == "TXXX":
        tags.add(frame.desc or "comment", *frame.text)
    elif key == "COMM" and not frame.desc.startswith("iTun"):
        tags.add("comment", *frame.text)
    elif key == "USLT":
        tags.add("lyrics", frame.text)
    elif key == "APIC":
        tags.pictures.append(_picture(frame.data, frame.mime, frame.type, frame.desc))


def _picture(data: bytes, mime: str, kind: int = 3, desc: str = "") -> Picture:
    from mutagen.flac import Picture

    picture = Picture()
    picture.data, picture.mime, picture.type, picture.desc = data, mime, kind, desc
    return picture
