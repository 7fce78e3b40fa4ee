"""Where another sound file begins inside one: what was glued on must not pass for a tag or junk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from morphsep.audio.containers import adts, mpeg, tail
from morphsep.audio.containers.chunks import W64_MAGIC
from morphsep.audio.containers.frames import FRAMES_IN_A_ROW, in_a_row

BLOCK = 2**20
REACH = 2**14
"""Bytes in which a beginning can be told: ``FRAMES_IN_A_ROW`` frames."""
LEADING_ZEROS = 3
"""Most zeros with which a file begins."""
SIGNS = {
    "WAV": rb"(?:RIFF|RIFX|RF64|BW64).{4}WAVE",
    "AIFF": rb"FORM.{4}AIF[FC]",
    "CAF": rb"caff\0\x01\0\0",
    "W64": re.escape(W64_MAGIC),
    "FLAC": rb"fLaC[\0\x80]\0\0\x22",
    "OGG": rb"OggS\0\x02\0{8}",
    "M4A": rb"\0\0\0[\x08-\x80]ftyp",
    "WMA": re.escape(bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")),
    "MATROSKA": rb"\x1aE\xdf\xa3.{5,40}(?:matroska|webm)",
    "TTA": rb"TTA1[\x01\x02]\0[\x01-\x08]\0[\x08-\x20]\0",
    "APE": rb"MAC .[\x0e\x0f\x10]\0\0\x34\0\0\0",
    "AU": rb"\.snd\0\0.{6}\0\0\0[\x01-\x1b]\0",
    "WAVPACK": rb"wvpk.{4}[\x02-\x10]\x04\0.{5}\0{4}",  # its first sample is number 0
    "FLV": rb"FLV\x01[\x01\x04\x05]\0\0\0\x09\0{4}",
    "DSF": rb"DSD \x1c\0{7}",
    "AVI": rb"RIFF.{4}AVI LIST",
    "TAK": rb"tBaK\x01.\0\0",
    "MUSEPACK": rb"MPCKSH[\x08-\x1c]",
}
"""Kinds of files and how they begin, long enough not to occur by chance."""
_SIGN = re.compile(
    b"|".join(b"(?P<%s>%s)" % (name.encode(), sign) for name, sign in SIGNS.items()), re.DOTALL
)
_SYNC = re.compile(rb"\xff[\xe2-\xff]")


def find_sound(file: BinaryIO, start: int, end: int) -> tuple[int, str] | None:
    """Offset and kind of the first sound file that begins within a span; None if none does."""
    for offset, block in _blocks(file, start, end):
        found = _first_sign(block)
        frames = _first_frames(block if found is None else block[: found[0]])
        found = frames or found
        if found is not None:
            return offset + found[0], found[1]
    return None


def sound_behind(file: BinaryIO, position: int, end: int) -> tuple[int, str] | None:
    """Like `find_sound`, of what follows tags and zeros."""
    return find_sound(file, max(position, tail.tags_end(file, position, end) - LEADING_ZEROS), end)


def find_kind(file: BinaryIO, kind: str, start: int, end: int) -> int | None:
    """Offset of the first file of this kind that begins within a span; None if none does."""
    sign = re.compile(SIGNS[kind], re.DOTALL)
    for offset, block in _blocks(file, start, end):
        found = sign.search(block)
        if found is not None:
            return offset + found.start()
    return None


def _blocks(file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """(offset, bytes) of a span in blocks that overlap, so that nothing lies on a border."""
    while start < end:
        file.seek(start)
        block = file.read(min(BLOCK + REACH, end - start))
        if not block:
            return
        yield start, block
        start += BLOCK


def _first_sign(block: bytes) -> tuple[int, str] | None:
    found = _SIGN.search(block)
    return found and (found.start(), found.lastgroup or "")


def _first_frames(block: bytes) -> tuple[int, str] | None:
    """Where mp3 or AAC frames begin that follow one another."""
    for candidate in _SYNC.finditer(block):
        at = candidate.start()
        if in_a_row(block, at, mpeg.parse_at, FRAMES_IN_A_ROW) == FRAMES_IN_A_ROW:
            return at, "MP3"
        if in_a_row(block, at, adts.parse_at, FRAMES_IN_A_ROW) == FRAMES_IN_A_ROW:
            return at, "AAC"
    return None
