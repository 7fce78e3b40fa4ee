"""Tags that say when something is heard: at another speed they are those of the old sound."""

from __future__ import annotations

import re
from pathlib import Path

from morphsep.audio.tags.read import read
from morphsep.audio.tags.vorbis import CUE_SHEET

CHAPTER = re.compile(r"chapter\d{3}")
"""What cues, markers and chapters are read as."""


def timed_tags(path: str) -> tuple[str, ...]:
    """What such tags a file has."""
    try:
        with Path(path).open("rb") as file:
            tags = read(file)
    except Exception:  # what cannot be read is not in the result either
        return ()
    has_chapters = any(CHAPTER.fullmatch(name) for name in tags.fields)
    has_sheet = "cuesheet" in tags.fields or any(kind == CUE_SHEET for kind, _ in tags.flac_blocks)
    found = {"times of chapters and cues": has_chapters, "times of the cue sheet": has_sheet}
    return tuple(name for name, is_there in found.items() if is_there)
