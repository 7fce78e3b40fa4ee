"""Copy tags and pictures from an input to its result; the samples stay as they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from morphsep.audio.containers import chunks
from morphsep.audio.tags import bext, vorbis
from morphsep.audio.tags.chunks import Piece, append, copyable, fitting
from morphsep.audio.tags.fields import Tags, listed, named, why
from morphsep.audio.tags.origin import HOLD_XMP, Origin, add_origin, with_origin
from morphsep.audio.tags.pieces import made_from, refreshed
from morphsep.audio.tags.read import is_flac_at, layout_of, read


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedTags:
    """What became of a file's tags."""

    left_out: tuple[tuple[str, str], ...] = ()
    """(tag, why) of those that could not be carried."""
    outdated: tuple[str, ...] = ()
    """Those that were dropped or reset since they describe the old sound."""

    @property
    def warning(self) -> str | None:
        """What was left out, as a sentence; None if nothing was."""
        return listed(self.left_out)

    @property
    def note(self) -> str | None:
        """What was dropped or reset; None if nothing was."""
        return named(self.outdated)


def copy_tags(
    source: str, destination: str, coding_line: str, origin: Origin | None = None
) -> CopiedTags:
    """Copies the tags of ``source`` into the finished file ``destination``, one by one.

    Between files of one kind (WAV to WAV or RF64, AIFF to AIFF, FLAC to FLAC, ...) everything is
    kept, with pictures, cue sheets and broadcast chunks (bext, cart); else what the other format
    can say (docs/reference/files.md has the table). Nothing is raised: a lost tag must not fail a
    track.

    Args:
        coding_line: what was done, for the coding history of a Broadcast Wave file.
        origin: what the result says of where it comes from, if it is to say so.
    """
    try:
        with Path(source).open("rb") as old, Path(destination).open("r+b") as new:
            left_out, outdated = _copy(old, new, coding_line, origin)
    except Exception as error:
        return CopiedTags(left_out=(("all tags", why(error)),))
    return CopiedTags(left_out=tuple(left_out), outdated=tuple(outdated))


HOLD_ID3 = (chunks.RIFF, chunks.RIFX, chunks.AIFF)
Result = tuple[list[tuple[str, str]], list[str]]
"""(tag, why) of what is left out, and the names of what is outdated."""


def is_kept_verbatim(old: chunks.Layout | None, new: chunks.Layout | None) -> bool:
    """Whether a result takes its input's chunks as they are. Not a W64: libsndfile takes what
    follows its sound for sound."""
    return new is not None and new is not chunks.W64 and old == new


def _copy(old: BinaryIO, new: BinaryIO, line: str, origin: Origin | None) -> Result:
    old_layout, new_layout = layout_of(old), layout_of(new)
    if old_layout is not None and is_kept_verbatim(old_layout, new_layout):
        pieces, left_out = copyable(old, old_layout)
        pieces, doubtful, outdated = refreshed(pieces, old_layout, line)
        if origin is not None:
            pieces, unsaid = with_origin(pieces, old_layout, origin)
            doubtful += unsaid
        return left_out + doubtful + _append(new, old_layout, pieces), outdated
    tags = read(old)
    _continue_history(tags, line)
    left_out, is_kept = _write(new, new_layout, tags, origin)
    beyond = [] if is_kept else tags.only_here
    return [*tags.left_out, *beyond, *left_out], tags.outdated


def _write(
    new: BinaryIO, layout: chunks.Layout | None, tags: Tags, origin: Origin | None
) -> tuple[list[tuple[str, str]], bool]:
    """(tag, why) of what is left out, and whether the old file's own kind of tag is kept."""
    packets = [] if origin is None else add_origin(tags, layout, origin)
    if layout is None:
        return vorbis.write(new, tags), bool(tags.flac_blocks) and is_flac_at(new, 0)
    made, left_out = made_from(tags, layout) if tags else ([], [])
    if origin is not None and layout in HOLD_XMP:
        made, unsaid = with_origin([*made, *packets], layout, origin)
        left_out += unsaid
    left_out += _append(new, layout, made)
    return left_out, tags.id3 is not None and layout in HOLD_ID3


def _continue_history(tags: Tags, line: str) -> None:
    histories = tags.fields.get(bext.CODING_HISTORY)
    if histories:
        histories[-1] = bext.continued(histories[-1], line)


def _append(file: BinaryIO, layout: chunks.Layout, pieces: list[Piece]) -> list[tuple[str, str]]:
    pieces, left_out = fitting(file, layout, pieces)
    append(file, layout, pieces)
    return left_out
