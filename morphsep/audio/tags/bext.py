"""The Broadcast Wave chunk: its coding history goes on, and its loudness is not the old one.

Formats: EBU Tech 3285 (bext, versions 0 to 2), EBU R98 (CodingHistory).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from importlib.metadata import version
from typing import Literal

from morphsep.audio.formats import BITS

FIXED_BYTES = 602
"""Before CodingHistory."""
VERSION, UMID, LOUDNESS = slice(346, 348), slice(348, 412), slice(412, 422)
TEXTS = {
    "description": slice(0, 256), "originator": slice(256, 288),
    "originator_reference": slice(288, 320), "origination_date": slice(320, 330),
    "origination_time": slice(330, 338),
}  # fmt: skip
"""Names as ffmpeg has them."""
TIME_REFERENCE = slice(338, 346)
UNUSED = 0x7FFF
"""Of a loudness value: not stated."""
NUM_LOUDNESS = 5
CODING_HISTORY = "coding_history"
MODES = {1: "mono", 2: "stereo"}
WIDTHS = BITS | {"FLOAT": 32, "DOUBLE": 64}


def coding_line(sample_rate: int, num_channels: int, subtype: str, done: str) -> str:
    """What was done here, as a line of a CodingHistory: A=PCM,F=48000,W=24,M=stereo,T=...

    EBU R98 gives a bit rate (B=) to MPEG codings only.

    Args:
        sample_rate: Hz.
        subtype: in libsndfile's words.
        done: ASCII without commas, which would end it.
    """
    width = WIDTHS.get(subtype)
    coding = f"A={'PCM' if width else subtype},F={sample_rate}{f',W={width}' if width else ''}"
    mode = MODES.get(num_channels, "multichannel")
    return f"{coding},M={mode},T=morphsep {version('morphsep')}; {done}"


def continued(history: str, line: str) -> str:
    """A CodingHistory with one more line; the lines before are as they were."""
    ended = history if not history or history.endswith("\n") else history + "\r\n"
    return f"{ended}{line}\r\n"


def refreshed(payload: bytes, line: str, order: Literal["little", "big"]) -> tuple[bytes, bool]:
    """The chunk with one more line of history and no loudness; and whether it had stated one.

    Raises:
        ValueError: it is shorter than its standard allows.
    """
    if len(payload) < FIXED_BYTES:
        raise ValueError("it is too short: kept as it is, its coding history not continued")
    fixed = bytearray(payload[:FIXED_BYTES])
    history = payload[FIXED_BYTES:].rstrip(b"\0").decode("latin-1")
    had = states_loudness(payload, order)
    if had:
        fixed[LOUDNESS] = UNUSED.to_bytes(2, order) * NUM_LOUDNESS
    return bytes(fixed) + continued(history, line).encode("latin-1"), had


def texts(payload: bytes, order: Literal["little", "big"]) -> Iterator[tuple[str, str]]:
    """Names and values of what a chunk says, for formats that have no such chunk."""
    if len(payload) < FIXED_BYTES:
        return
    for name, place in TEXTS.items():
        yield name, _text(payload[place])
    yield "time_reference", str(int.from_bytes(payload[TIME_REFERENCE], order) or "")
    umid = payload[UMID].rstrip(b"\0")
    if int.from_bytes(payload[VERSION], order) >= 1 and umid:
        yield "umid", "0x" + payload[UMID].hex().upper()
    yield CODING_HISTORY, _text(payload[FIXED_BYTES:])


def states_loudness(payload: bytes, order: Literal["little", "big"]) -> bool:
    """Whether the chunk says how loud the sound is, as version 2 can."""
    mark = "<" if order == "little" else ">"
    values = struct.unpack(f"{mark}{NUM_LOUDNESS}H", payload[LOUDNESS])
    return int.from_bytes(payload[VERSION], order) >= 2 and set(values) != {UNUSED}


def _text(raw: bytes) -> str:
    """ASCII by the standard; UTF-8 or Latin-1 in practice."""
    raw = raw.partition(b"\0")[0]
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
