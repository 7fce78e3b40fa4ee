"""Tags of containers that only ffmpeg reads: Matroska, AVI, FLV, MPEG."""

from __future__ import annotations

from typing import Any, BinaryIO

from morphsep.audio import ffprobe
from morphsep.audio.foreign import DEMUXERS, kind_of
from morphsep.audio.tags.fields import Tags

KINDS = ("MATROSKA", "AVI", "FLV", "MPEGPS", "MPEGTS")
ENTRIES = (
    "format_tags:program_tags:stream=codec_type:stream_tags:stream_disposition=attached_pic"
    ":chapter=start_time:chapter_tags"
)
HEAD_BYTES = 600
"""Enough to tell the kind."""


def is_by_ffprobe(file: BinaryIO, start: int) -> bool:
    """Whether a file of one of these kinds begins here."""
    return _kind(file, start) in KINDS


def from_ffprobe(file: BinaryIO, start: int) -> Tags:
    """Tags of the file, of its first programme and of its first sound track, and its chapters.

    Raises:
        TrackError: there is no ffprobe, or it cannot read the file.
    """
    kind = str(_kind(file, start))
    return _told(ffprobe.ask(file.name, kind, DEMUXERS[kind], ENTRIES))


def _kind(file: BinaryIO, start: int) -> str | None:
    file.seek(start)
    return kind_of(file.read(HEAD_BYTES))


def _told(found: dict[str, Any]) -> Tags:
    """Tags of an answer of ffprobe's."""
    tags, streams = Tags(), found.get("streams", [])
    sounds = [each for each in streams if each.get("codec_type") == "audio"]
    programmes = found.get("programs", [])
    for holder in (found.get("format", {}), *programmes[:1], *sounds[:1]):
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
