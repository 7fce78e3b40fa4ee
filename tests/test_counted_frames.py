"""Where frames or pages were counted, as much sound decodes, or the file is a row."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from morphsep.audio import decode_to, probe
from morphsep.audio.containers import adts, ogg
from morphsep.audio.foreign import probe_inside
from morphsep.errors import TrackError

FFMPEG = shutil.which("ffmpeg")
needs_ffmpeg = pytest.mark.skipif(
    not (FFMPEG and shutil.which("ffprobe")), reason="ffmpeg and ffprobe are not installed"
)
RATE = 44_100
NUM_FRAMES = 50
ID3V1 = b"TAG" + b"t" * 125


def adts_frames() -> bytes:
    length = 107
    head = bytes([0xFF, 0xF1, 0x50, 0x80, length >> 3, (length & 7) << 5 | 0x1F, 0xFC])
    return (head + b"\x55" * 100) * NUM_FRAMES


@pytest.mark.parametrize("num_parts", [1, 3])
@pytest.mark.parametrize("surplus", [0, -1])
def test_frames_that_do_not_decode_are_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_parts: int, surplus: int
) -> None:
    """With a program in ffmpeg's place that decodes two frames less a part, or a sample more."""
    counted = NUM_FRAMES * num_parts * adts.SAMPLES
    decoded = counted - 2 * num_parts * adts.SAMPLES + surplus
    soundfile.write(tmp_path / "made.wav", np.zeros((decoded, 2)), RATE, subtype="FLOAT")
    program = tmp_path / "bin" / "ffmpeg"
    program.parent.mkdir()
    copy = f'for last; do :; done; cp "{tmp_path / "made.wav"}" "${{last#file:}}"'
    program.write_text(f"#!/bin/sh\n{copy}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    source = tmp_path / "x.aac"
    source.write_bytes(ID3V1.join([adts_frames()] * num_parts))
    assert probe(str(source)).num_samples == counted
    if surplus >= 0:
        assert decode_to(str(source), str(tmp_path / "x.wav")).num_samples == decoded
        return
    with pytest.raises(TrackError, match=r"would be lost; the file is damaged") as caught:
        decode_to(str(source), str(tmp_path / "x.wav"))
    assert caught.value.code == "truncated"
    assert not (tmp_path / "x.wav").exists()


def mp2_frames(num_frames: int = NUM_FRAMES) -> bytes:
    return (b"\xff\xfd\x80\0" + b"\x55" * 413) * num_frames  # 128 kbit/s


@pytest.mark.parametrize(("name", "frames"), [("AAC", adts_frames()), ("MP2", mp2_frames())])
@needs_ffmpeg
def test_what_lies_between_frames_is_said(tmp_path: Path, name: str, frames: bytes) -> None:
    length = len(frames) // NUM_FRAMES
    path = tmp_path / "x"

    def note(*parts: bytes) -> str:
        path.write_bytes(b"".join(parts))
        info = probe(str(path))
        assert info.format == name
        return info.note

    assert note(frames, ID3V1) == ""
    assert note(frames, frames) == ""  # as if it were one
    assert note(frames, ID3V1, frames) == "2 parts, read one after the other"
    assert note(frames, b"x" * 9, frames) == (
        f"2 parts, read one after the other; 9 bytes from byte {len(frames)} on are neither frames "
        "nor tags"
    )
    assert note(frames, frames[:50]) == f"the file ends within a frame, at byte {len(frames)}"
    hole = slice(10 * length, 14 * length)
    with pytest.raises(TrackError, match=f"bytes {hole.start} to {hole.stop} are neither") as found:
        note(frames[: hole.start], bytes(4 * length), frames[hole.stop :])
    assert found.value.code == "truncated"
    assert f"up to {4 * (1024 if name == 'AAC' else 1152) / RATE:.2f} s" in found.value.message


def page(serial: int, granule: int, number: int, packet: bytes, flags: int = 0) -> bytes:
    sizes = bytes([*[255] * (len(packet) // 255), len(packet) % 255])
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, serial, number, 0, len(sizes))
    return head + sizes + packet


def link(serial: int, first: bytes, granules: list[int]) -> bytes:
    pages = [page(serial, 0, 0, first, ogg.BEGIN_OF_STREAM)]
    pages += [page(serial, at, index + 1, b"x" * 300) for index, at in enumerate(granules)]
    return b"".join(pages)


FLAC = b"\x7fFLAC\1\0\0\1fLaC" + struct.pack(">I", 34) + bytes(10)
FLAC += (RATE << 12 | 1 << 9 | 15 << 4).to_bytes(4, "big") + bytes(20)
SPEEX = (b"Speex   " + bytes(28) + struct.pack("<III", 16_000, 4, 0) + struct.pack("<I", 1)).ljust(
    80, b"\0"
)


def test_samples_of_a_chain_of_flac_are_counted_by_its_pages() -> None:
    data = link(1, FLAC, [0, 4096, 8192, 9000]) + link(2, FLAC, [0, 4096, -1, 5000])
    assert ogg.last_granules(ogg.read_chain(data)) == 14_000
    assert ogg.last_granules(ogg.read_chain(b"")) == 0


def test_a_chain_of_speex_is_two_recordings(tmp_path: Path) -> None:
    path = tmp_path / "x.spx"
    first = link(1, SPEEX, [0, 320, 640])
    path.write_bytes(first + link(2, SPEEX, [0, 320, 640]))
    said = rf"\(speex\) begins at byte {len(first)}"
    with path.open("rb", buffering=0) as file, pytest.raises(TrackError, match=said) as caught:
        probe_inside(str(path), file, "OGG")
    assert caught.value.code == "truncated"


# ffmpeg's


def made(folder: Path, *coder: str) -> bytes:
    assert FFMPEG
    x = np.random.default_rng(0).standard_normal((4 * RATE, 2)) * 0.1
    soundfile.write(folder / "source.wav", x, RATE)
    sound = ["-i", str(folder / "source.wav"), "-c:a", *coder]
    path = folder / "made"
    subprocess.run([FFMPEG, "-v", "error", "-y", *sound, str(path)], check=True)
    return path.read_bytes()


@needs_ffmpeg
def test_damaged_frames_with_good_headers(tmp_path: Path) -> None:
    data = bytearray(made(tmp_path, "aac", "-f", "adts"))
    position = 0
    for index in range(60):
        frame = adts.parse_at(data, position)
        assert frame is not None
        if index >= 40:
            size = frame.length - adts.HEADER_BYTES
            data[position + adts.HEADER_BYTES : position + frame.length] = b"\xff" * size
        position += frame.length
    path = tmp_path / "x.aac"
    path.write_bytes(data)
    with pytest.raises(TrackError, match="would be lost"):
        decode_to(str(path), str(tmp_path / "x.wav"))


@needs_ffmpeg
def test_the_length_of_a_chain_of_flac_is_exact(tmp_path: Path) -> None:
    data = made(tmp_path, "flac", "-f", "ogg")
    path = tmp_path / "x.ogg"
    for count in (1, 2, 3):
        path.write_bytes(data * count)
        assert probe(str(path)).num_samples == count * 4 * RATE
        assert decode_to(str(path), str(tmp_path / "x.wav")).num_samples == count * 4 * RATE
