"""Small, valid inputs, from which a search begins."""

from __future__ import annotations

import io
from functools import cache
from typing import Any


def seeds(name: str) -> list[bytes]:
    """Small, valid inputs of a target."""
    texts = {
        "lists": ("path,to,amount\na.wav,fuzz,0:00=0 0:05=1\n", "path;amount\na.wav;0,5\n"),
        "amounts": ("0.5", "0:00=0 1:02.5=1", "time,amount\n0:00,0\n1:00,1\n"),
        "yaml": (
            "name: x\ndescription: y\ntrim_db: 3.8\npedals:\n"
            "  - Distortion: {drive_db: 20}\n  - Chorus: {rate_hz: 0.7, depth: 0.2, mix: 1}\n",
            "context: 2\npedals:\n- Gain: {gain_db: 3}\n- HighpassFilter\n",
        ),
    }
    if name in texts:
        return [text.encode() for text in texts[name]]
    kinds = {
        "mpeg": ("MP3",), "flac": ("FLAC",), "chunks": ("WAV", "RF64", "W64", "AIFF", "CAF"),
    }.get(name, ("WAV", "AIFF", "CAF", "W64", "FLAC", "OGG", "MP3"))  # fmt: skip
    return [tagged(kind) for kind in kinds]


@cache
def empty(kind: str) -> bytes:
    """A short file of silence."""
    import numpy as np
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, np.zeros(1200), 44_100, format=kind)
    return file.getvalue()


@cache
def tagged(kind: str) -> bytes:
    """A short file, with tags where mutagen writes some for its kind."""
    import mutagen

    file = io.BytesIO(empty(kind))
    try:
        known: Any = mutagen.File(file)
    except mutagen.MutagenError:
        known = None
    if known is None:
        return file.getvalue()
    if known.tags is None:
        known.add_tags()
    if hasattr(known.tags, "add"):
        for frame in _frames():
            known.tags.add(frame)
    else:
        known.tags["title"] = ["ä"]
    file.seek(0)
    known.save(file)
    return file.getvalue()


def _frames() -> tuple[Any, ...]:
    from mutagen import id3

    return id3.TIT2(3, ["ä"]), id3.TXXX(3, "a", ["b"]), id3.COMM(3, "deu", "", ["c"])
