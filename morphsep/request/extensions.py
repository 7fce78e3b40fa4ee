"""What the extension of a file's name says about the file."""

from __future__ import annotations

import os

LOSSLESS = ("wav", "wave", "flac", "aif", "aiff", "aifc", "w64", "rf64", "caf")
LOSSY = ("mp3", "ogg", "oga", "opus", "m4a", "mp4", "aac", "wma")
WRITTEN = ("wav", "flac", "aiff", "caf", "w64", "rf64", "ogg")
"""Formats that can be written, each also its own extension."""
_SPELLINGS = {"aif": "aiff", "aifc": "aiff", "wave": "wav", "oga": "ogg"}


def extension(name: str) -> str:
    """The last extension in lower case, without its dot; empty if there is none.

    >>> extension("a/Song.Take 2.FLAC")
    'flac'
    """
    return os.path.splitext(name)[1][1:].lower()


def is_audio(name: str) -> bool:
    """Whether the name is that of an audio file."""
    return extension(name) in LOSSLESS + LOSSY


def format_named(name: str) -> str | None:
    """The format that a result of this name is written in; None if the extension names none.

    >>> format_named("song.aif")
    'aiff'
    """
    found = _SPELLINGS.get(extension(name), extension(name))
    return found if found in WRITTEN else None
