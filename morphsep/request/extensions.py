"""What the extension of a file's name says about the file."""

from __future__ import annotations

import os

LOSSLESS = ("wav", "wave", "flac", "aif", "aiff", "aifc", "w64", "rf64", "caf")
LOSSY = (
    "mp3", "ogg", "oga", "opus", "m4a", "mp4", "aac", "wma", "mp2", "m4b", "mka", "mkv", "webm",
    "mov", "avi", "flv", "ogv", "spx", "wv", "ape", "tta", "tak", "dsf", "mpc", "au", "snd",
    "3gp", "m4r", "m4v", "f4a", "f4v", "mpg", "mpeg", "vob",
)  # fmt: skip
"""What is not written: lossy kinds, and those that only ffmpeg or only libsndfile reads. Results
are FLAC."""
NOT_READ = (
    "3ga", "8svx", "aa", "aa3", "aax", "ac3", "act", "adx", "als", "amr", "aup", "aup3", "awb",
    "cda", "dff", "dss", "dts", "dtshd", "dvf", "eac3", "ec3", "flp", "gsm", "iff", "it", "kar",
    "logicx", "m2ts", "m4p", "mid", "midi", "mlp", "mod", "mogg", "mp1", "mpa",
    "mpp", "mts", "nist", "ofr", "oma", "paf", "pcm", "ptx", "qcp", "ra", "ram", "raw", "rm",
    "rmi", "s3m", "sds", "sesx", "shn", "sph", "thd", "ts", "voc", "vox", "vqf", "wmv",
    "wve", "xm",
)  # fmt: skip
"""Kinds of sound, music and film that are not read: counted where a folder holds them."""
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


def is_unread_kind(name: str) -> bool:
    """Whether the name is that of a kind of sound that is not read.

    >>> is_unread_kind("take.AMR")
    True
    """
    return extension(name) in NOT_READ


def format_named(name: str) -> str | None:
    """The format that a result of this name is written in; None if the extension names none.

    >>> format_named("song.aif")
    'aiff'
    """
    found = _SPELLINGS.get(extension(name), extension(name))
    return found if found in WRITTEN else None
