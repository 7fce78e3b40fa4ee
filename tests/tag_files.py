"""Small files with tags of every kind, made without other programs."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import soundfile

FORMATS = {
    "wav": ("WAV", "PCM_16"), "rf64": ("RF64", "PCM_24"), "w64": ("W64", "PCM_16"),
    "aiff": ("AIFF", "PCM_24"), "caf": ("CAF", "PCM_16"), "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS"), "mp3": ("MP3", "MPEG_LAYER_III"),
}  # fmt: skip
W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")
ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")


def sound(path: Path, num_samples: int = 9_601, channels: int = 1) -> Path:
    """``path`` with a sound in the format of its suffix; an odd length, so that chunks need
    padding."""
    name, subtype = FORMATS[path.suffix[1:]]
    x = np.random.default_rng(0).standard_normal((num_samples, channels)) * 0.1
    soundfile.write(path, x, 48_000, format=name, subtype=subtype)
    return path


def with_chunks(path: Path, chunks: list[tuple[bytes, bytes]], order: str = "<") -> Path:
    """The file with chunks of RIFF (``order`` <) or AIFF (>) appended."""
    content = path.read_bytes()
    content += bytes(len(content) % 2)
    for name, payload in chunks:
        content += name + struct.pack(f"{order}I", len(payload)) + payload + bytes(len(payload) % 2)
    path.write_bytes(content[:4] + struct.pack(f"{order}I", len(content) - 8) + content[8:])
    return path


def with_caf_info(path: Path, items: list[tuple[str, str]]) -> Path:
    """A CAF with an info chunk."""
    texts = struct.pack(">I", len(items)) + "".join(f"{n}\0{v}\0" for n, v in items).encode()
    path.write_bytes(path.read_bytes() + b"info" + struct.pack(">Q", len(texts)) + texts)
    return path


def with_w64_chunk(path: Path, name: bytes, payload: bytes) -> Path:
    """A W64 with one more chunk."""
    content = path.read_bytes()
    content += bytes(-len(content) % 8)
    content += name + W64_TAIL + struct.pack("<Q", len(payload) + 24)
    content += payload + bytes(-len(payload) % 8)
    path.write_bytes(content[:16] + struct.pack("<Q", len(content)) + content[24:])
    return path


def bext(history: bytes, loudness: bytes = b"\xff\x7f" * 5) -> bytes:
    """A bext chunk's payload, version 2."""
    payload = bytearray(602)
    payload[0:10] = b"description"[:10]
    payload[256:260] = b"orig"
    payload[320:338] = b"1978-05-0112:30:00"
    payload[346:348] = struct.pack("<H", 2)
    payload[412:422] = loudness
    return bytes(payload) + history


def id3v2(version: int, body: bytes) -> bytes:
    """A tag of these frames."""
    size = bytes(len(body) >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3" + bytes([version, 0, 0]) + size + body


def id3v22(frames: list[tuple[bytes, bytes]]) -> bytes:
    """A tag of the old version, which mutagen cannot write."""
    return id3v2(2, b"".join(name + len(data).to_bytes(3, "big") + data for name, data in frames))


def id3v1(title: str) -> bytes:
    """A tag of 128 bytes."""
    text = title.encode("latin-1").ljust(30, b"\0")
    return b"TAG" + text + bytes(92) + b"\0\x07" + b"\x11"  # track 7, genre Rock


def mp4(path: Path) -> Path:
    """The boxes of an M4A that a reader of tags looks at; it holds no sound."""

    def box(name: bytes, *parts: bytes) -> bytes:
        payload = b"".join(parts)
        return struct.pack(">I", len(payload) + 8) + name + payload

    header = box(b"mdhd", struct.pack(">6I", 0, 0, 0, 48_000, 48_000, 0))
    handler = box(b"hdlr", bytes(8) + b"soun" + bytes(13))
    media = box(b"mdia", header, handler, box(b"minf", box(b"stbl")))
    movie = box(b"moov", box(b"trak", media))
    path.write_bytes(box(b"ftyp", b"M4A \0\0\0\0M4A ") + movie + box(b"mdat"))
    return path


def freeform(name: str) -> str:
    """mutagen's key of a freeform atom, whose name is UTF-8: mutagen takes it for Latin-1."""
    return f"----:com.apple.iTunes:{name.encode().decode('latin-1')}"


def asf(path: Path) -> Path:
    """The header of a WMA without streams."""
    path.write_bytes(ASF_HEADER + struct.pack("<QIBB", 30, 0, 1, 2))
    return path
