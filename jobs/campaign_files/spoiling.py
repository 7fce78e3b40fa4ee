"""What happens to files: cut, padded, prefixed, headers that lie, chunks that nobody expects."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

Spoil = Callable[[bytes, random.Random], bytes]

LIES = (0, 1, 7, 2**31 - 1, 2**31, 2**32 - 1, 2**32 - 2)


def cut(data: bytes, dice: random.Random) -> bytes:
    """Its end is missing."""
    return data[: max(1, round(len(data) * dice.uniform(0.02, 0.99)))]


def mutate(data: bytes, dice: random.Random) -> bytes:
    """Some bytes are others."""
    changed = bytearray(data)
    near_start = dice.random() < 0.5
    for _ in range(dice.choice((1, 2, 4, 16, 64))):
        last = min(len(changed), 256) if near_start else len(changed)
        changed[dice.randrange(last)] = dice.randrange(256)
    return bytes(changed)


def lose_a_span(data: bytes, dice: random.Random) -> bytes:
    """A span from its middle is missing."""
    start = dice.randrange(len(data))
    return data[:start] + data[start + dice.randrange(1, 2_000) :]


def pad(data: bytes, dice: random.Random) -> bytes:
    """Something follows it that is no sound."""
    tails = (bytes(dice.choice((1, 2, 511, 4096, 70_000))), id3v1(), ape(), id3v2(dice), lyrics3(),
             b"\r\n", b"\xff" * 300, b"<html>not found</html>")  # fmt: skip
    return data + dice.choice(tails)


def prefix(data: bytes, dice: random.Random) -> bytes:
    """Something precedes it that is no sound."""
    return dice.choice((id3v2(dice), id3v2(dice) * 2, bytes(dice.choice((1, 100, 2048))))) + data


def lie(data: bytes, dice: random.Random) -> bytes:
    """A number of its header that counts bytes, frames or samples is another."""
    places = [at for at in (_field(data, word) for word in _FIELDS) if at is not None]
    if not places:
        return data
    at, order = dice.choice(places)
    true = struct.unpack_from(order, data, at)[0]
    size = struct.calcsize(order)
    lies = [*LIES, true // 2, true * 2, true + 1, max(0, true - 1)]
    number = dice.choice(lies) % 2 ** (8 * size)
    return data[:at] + struct.pack(order, number) + data[at + size :]


def add_chunk(data: bytes, dice: random.Random) -> bytes:
    """A chunk that nobody expects, in a file of chunks."""
    content = dice.randbytes(dice.choice((0, 1, 2, 3, 31, 5000)))
    word = dice.choice(
        (b"JUNK", b"PAD ", b"LIST", b"id3 ", b"xyz\0", b"\0\0\0\0", b"fact", b"smpl")
    )
    if data[:4] in (b"RIFF", b"RF64"):
        chunk = word + struct.pack("<I", len(content)) + content
        chunk += bytes(len(content) % 2 and dice.random() < 0.7)  # many writers forget the padding
        return _inserted(data, chunk, dice, "<I")
    if data[:4] == b"FORM":
        chunk = word + struct.pack(">I", len(content)) + content + bytes(len(content) % 2)
        return _inserted(data, chunk, dice, ">I")
    if data[:4] == b"caff":
        chunk = b"free" + struct.pack(">q", len(content)) + content
        return data[:52] + chunk + data[52:]
    return pad(data, dice)


def id3v1() -> bytes:
    """The tag of 128 bytes at the end of old mp3 files."""
    return b"TAG" + b"a title".ljust(30, b"\0") + b"an artist".ljust(30, b" ") + bytes(65)


def ape() -> bytes:
    """An APEv2 tag with one item."""
    item = struct.pack("<II", 7, 0) + b"Title\0" + b"a title"
    footer = b"APETAGEX" + struct.pack("<IIII", 2000, len(item) + 32, 1, 0) + bytes(8)
    return item + footer


def id3v2(dice: random.Random) -> bytes:
    """An ID3v2 tag with a title, an odd frame or two, and padding."""
    version = dice.choice((3, 4))
    text = dice.choice((b"\0title", b"\3t\xc3\xaftle", b"\1\xff\xfet\0\xef\0"))
    frames = b"TIT2" + struct.pack(">I", len(text)) + b"\0\0" + text
    if dice.random() < 0.5:
        frames += b"XYZW" + struct.pack(">I", 3) + b"\0\0abc"
    frames += bytes(dice.choice((0, 10, 1000)))
    size = len(frames)
    return (
        b"ID3" + bytes([version, 0, 0]) + bytes((size >> s) & 127 for s in (21, 14, 7, 0)) + frames
    )


def lyrics3() -> bytes:
    """A Lyrics3v2 tag, as it lies before ID3v1."""
    return b"LYRICSBEGININD0000200" + b"000021LYRICS200" + id3v1()


_FIELDS: tuple[tuple[bytes, int, str], ...] = (
    (b"RIFF", 4, "<I"), (b"data", 4, "<I"), (b"fmt ", 12, "<I"), (b"fmt ", 16, "<I"),
    (b"fmt ", 20, "<H"), (b"fact", 8, "<I"), (b"ds64", 16, "<Q"), (b"FORM", 4, ">I"),
    (b"SSND", 4, ">I"), (b"COMM", 10, ">I"), (b"data", 4, ">Q"), (b"fLaC", 22, ">I"),
    (b"Xing", 8, ">I"), (b"Info", 8, ">I"), (b"Info", 12, ">I"), (b"OggS", 6, "<Q"),
    (b"mvhd", 20, ">I"), (b"stsz", 12, ">I"), (b"stco", 8, ">I"), (b"mdat", 4, ">I"),
    (b"fmt ", 10, "<H"), (b"ID3", 6, ">I"),
)  # fmt: skip
"""(a word near the start of a file, bytes from there to a number, how the number is stored)."""


def _field(data: bytes, field: tuple[bytes, int, str]) -> tuple[int, str] | None:
    word, after, order = field
    at = data.find(word, 0, 100_000)
    inside = at >= 0 and at + after + struct.calcsize(order) <= len(data)
    return (at + after, order) if inside else None


def _inserted(data: bytes, chunk: bytes, dice: random.Random, order: str) -> bytes:
    """A chunk behind the first, or at the end; the length of the whole is put right, mostly."""
    first_ends = 20 + struct.unpack_from(order, data, 16)[0]
    at = dice.choice((12, first_ends, len(data)))
    out = data[:at] + chunk + data[at:]
    if dice.random() < 0.8 and data[:4] != b"RF64":
        out = out[:4] + struct.pack(order, min(len(out) - 8, 2**32 - 1)) + out[8:]
    return out
