"""Small, valid inputs, from which a search begins."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

ENDINGS = (
    b"wvpk\x20\0\0\0\x10\4" + bytes(30),
    b"TTA1\1\0\1\0\x10\0\x44\xac\0\0\1\0\0\0" + bytes(4) + b"\x09\0\0\0" + bytes(13),
    bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + b"\x18" + bytes(7),
    b"\x1aE\xdf\xa3\x81x\x18\x53\x80\x67\x84wxyz",
    b"DSD \x1c" + bytes(23) + b"fmt \x34" + bytes(47) + b"data\x10" + bytes(11),
    b"\0\0\0\x08ftyp\0\0\0\x10moov\0\0\0\x08trak",
    b"RIFF\x0c\0\0\0AVI LIST\0\0\0\0RIFF\4\0\0\0AVIX",
    b"MAC \x96\x0f\0\0" + b"\4\0\0\0" * 7 + bytes(24),
    b"MPCKSH\x04\0AP\x81\x02" + bytes(126) + b"SE\x03",
    b"tBaK\1\4\0\0abcd\7\x0b\0\0\4\0\0\0\0\4\0\0abc" + bytes(4) + b"wxyzwxyz",
    b"FLV\1\4\0\0\0\x09\0\0\0\0\x08\0\0\2" + bytes(9) + b"\0\0\0\x0d",
    (b"G\x40\x11\x10\0\x42\xf0\x15" + bytes(8) + b"\0\1\xfc\x80\5\x48\3\1\0\0").ljust(188, b"\xff")
    * 6,
    b"\0\0\1\xbaD" + bytes(9) + b"\0\0\1\xc0\0\4abcd\0\0\1\xb9",
)
"""The least of each kind of container that ffmpeg reads."""


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
    if name == "endings":
        return list(ENDINGS)
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
