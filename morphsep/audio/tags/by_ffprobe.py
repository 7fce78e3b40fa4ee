"""Tags of containers that only ffmpeg reads: Matroska, AVI, FLV, MPEG."""

from __future__ import annotations

from typing import Any, BinaryIO

from morphsep.audio import ffprobe
from morphsep.audio.foreign import DEMUXERS, kind_of
from morphsep.audio.tags.fields import Tags
from morphsep.audio.tags.programme import programme_names

KINDS = ("MATROSKA", "AVI", "FLV", "MPEGPS", "MPEGTS")
ENTRIES = (
    "format_tags:stream=codec_type:stream_tags:stream_disposition=attached_pic"
    ":chapter=start_time:chapter_tags"
)
HEAD_BYTES = 600
"""Enough to tell the kind."""


def is_by_ffprobe(file: BinaryIO, start: int) -> bool:
    """Whether a file of one of these kinds begins here."""
    return _kind(file, start) in KINDS


def from_ffprobe(file: BinaryIO, start: int) -> Tags:
    """Tags of the file and of its first sound track, and its chapters; of a transport stream the
    name of its first programme.

    Raises:
        TrackError: there is no ffprobe, or it cannot read the file.
    """
    kind = str(_kind(file, start))
    tags = _told(ffprobe.ask(file.name, kind, DEMUXERS[kind], ENTRIES))
    if kind == "MPEGTS":
        first, *others = programme_names(file) or [""]
        tags.add("service_name", first)
        tags.left_out += [(f"service_name {name}", "it names another part") for name in others]
    return tags


def _kind(file: BinaryIO, start: int) -> str | None:
    file.seek(start)
    return kind_of(file.read(HEAD_BYTES))


def _told(found: dict[str, Any]) -> Tags:
    """Tags of an answer of ffprobe's."""
    tags, streams = Tags(), found.get("streams", [])
    sounds = [each for each in streams if each.get("codec_type") == "audio"]
    for holder in (found.get("format", {}), *sounds[:1]):
        for name, value in holder.get("tags", {}).items():
            tags.add(name, value)
    tags.add_chapters(
        (float(chapter["start_time"]), chapter.get("tags", {}).get("title", ""))
        for chapter in found.get("chapters", [])
    )
    for each in streams:
        is_picture = each.get("disposition", {}).get("attached_pic")
        if is_picture or each.get("codec_type") == "attachment":
            name = each.get("tags", {}).get("filename", "picture")
            tags.left_out.append((f"attachment {name}", "attachments are not read"))
    return tags
