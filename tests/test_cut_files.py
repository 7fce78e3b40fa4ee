"""Files of ffmpeg's kinds that were cut off or lost bytes: each is a row, and none says that a
second recording begins where none does."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from morphsep.audio import decode_to
from morphsep.audio.containers import ends
from morphsep.audio.foreign import check_single
from morphsep.errors import TrackError

FFMPEG = shutil.which("ffmpeg")
needs_ffmpeg = pytest.mark.skipif(
    not (FFMPEG and shutil.which("ffprobe")), reason="ffmpeg and ffprobe are not installed"
)
RATE = 44_100
SECONDS = 8


def wavpack() -> bytes:
    def block(index: int) -> bytes:
        return struct.pack("<4sIHBBIIIII", b"wvpk", 524, 0x410, 0, 0, 4000, index, 1000, 0x1800, 0)

    return b"".join(block(index) + b"\x55" * 500 for index in range(0, 4000, 1000))


def true_audio() -> bytes:
    table = struct.pack("<4I", *[300] * 4)
    head = struct.pack("<4sHHHIII", b"TTA1", 1, 2, 16, RATE, 4 * 46_080, 0)
    return head + table + bytes(4) + b"\x55" * 1200


def matroska() -> bytes:
    def element(name: bytes, body: bytes) -> bytes:
        return name + (len(body) | 1 << 56).to_bytes(8, "big") + body

    head = element(b"\x1aE\xdf\xa3", b"B\x82\x88matroska")
    return head + element(ends.SEGMENT, b"\x55" * 2000)


def dsf() -> bytes:
    sound = b"data" + struct.pack("<Q", 2012) + b"\x55" * 2000
    fmt = b"fmt " + struct.pack("<Q", 52) + bytes(40)
    return b"DSD " + struct.pack("<QQQ", 28, 80 + len(sound), 0) + fmt + sound


def avi() -> bytes:
    def riff(form: bytes, body: bytes) -> bytes:
        return b"RIFF" + struct.pack("<I", len(body) + 4) + form + body

    return riff(b"AVI ", b"LIST" + b"\x55" * 900) + riff(b"AVIX", b"\x55" * 800)


def monkeys_audio() -> bytes:
    head = struct.pack("<4sHH7I", b"MAC ", 3990, 0, 52, 24, 8, 44, 1600, 0, 30) + bytes(16)
    return head + b"\x55" * (24 + 8 + 44 + 1600 + 30)


def musepack() -> bytes:
    sound = b"AP" + bytes((0x80 | 904 >> 7, 904 & 0x7F)) + b"\x55" * 900
    return b"MPCKSH\x10" + b"\x08" * 13 + sound * 2 + b"SE\x03"


def tak() -> bytes:
    info = b"\1" + (13).to_bytes(3, "little") + b"\x55" * 13
    last = b"\7" + (11).to_bytes(3, "little") + (1500).to_bytes(5, "little")
    return b"tBaK" + info + last + (500).to_bytes(3, "little") + bytes(3 + 4) + b"\x55" * 2000


def flash() -> bytes:
    tag = bytes([8]) + (500).to_bytes(3, "big") + bytes(7) + b"\x55" * 500
    return b"FLV\1\4\0\0\0\x09\0\0\0\0" + (tag + (511).to_bytes(4, "big")) * 4


def transport_stream() -> bytes:
    return (b"G\x41\0\x10" + b"\x55" * 184) * 12


def program_stream() -> bytes:
    pack = b"\0\0\1\xbaD" + bytes(8) + b"\xf8"
    return (pack + b"\0\0\1\xc0\1\xf4" + b"\x55" * 500) * 4 + b"\0\0\1\xb9"


MADE = {
    "WAVPACK": wavpack, "TTA": true_audio, "MATROSKA": matroska, "DSF": dsf, "AVI": avi,
    "APE": monkeys_audio, "MUSEPACK": musepack, "TAK": tak, "FLV": flash,
    "MPEGTS": transport_stream, "MPEGPS": program_stream,
}  # fmt: skip


def check(path: Path, kind: str) -> None:
    with path.open("rb", buffering=0) as file:
        check_single(str(path), file, kind)


@pytest.mark.parametrize("kind", MADE)
def test_a_container_that_ends_early_is_a_row(tmp_path: Path, kind: str) -> None:
    content = MADE[kind]()
    path = tmp_path / "x"
    for tail in (b"", b"TAG" + bytes(125)):
        path.write_bytes(content + tail)
        with path.open("rb") as file:
            assert ends.recording_end(file, kind, 0) == len(content)
        check(path, kind)
    last = len(content) - (5 if kind == "MPEGPS" else 1)  # a program's end holds no sound
    for size in (len(content) // 2 + 9, len(content) * 3 // 4 + 9, last):
        path.write_bytes(content[:size])
        with pytest.raises(TrackError, match=f"ends after {size}; it was cut off") as caught:
            check(path, kind)
        assert caught.value.code == "truncated"


@pytest.mark.parametrize("kind", MADE)
def test_a_second_file_behind_one_that_says_where_it_ends(tmp_path: Path, kind: str) -> None:
    content = MADE[kind]()
    soundfile.write(tmp_path / "x.wav", np.zeros(99), RATE)
    soundfile.write(tmp_path / "x.flac", np.zeros(99), RATE)
    seconds = [(tmp_path / name).read_bytes() for name in ("x.wav", "x.flac")]
    if not kind.startswith("MPEG"):  # those go on
        seconds.append(content)
    for second in seconds:
        (tmp_path / "x").write_bytes(content + bytes(5) + second)
        with pytest.raises(TrackError, match=f"begins at byte {len(content) + 5} of"):
            check(tmp_path / "x", kind)


@pytest.mark.parametrize("kind", MADE)
def test_a_cut_at_any_byte_ends_the_walk(kind: str) -> None:
    content = MADE[kind]()
    for size in [*range(min(100, len(content))), *range(len(content) - 600, len(content))]:
        ends.recording_end(io.BytesIO(content[:size]), kind, 0)


@pytest.mark.parametrize("size", [2**62, 2**63 - 1, 2**63, 2**64 - 1])
def test_a_length_that_no_file_can_have(tmp_path: Path, size: int) -> None:
    (tmp_path / "x").write_bytes(dsf().replace(struct.pack("<Q", 52), struct.pack("<Q", size)))
    with (tmp_path / "x").open("rb", buffering=0) as file:
        assert (ends.recording_end(file, "DSF", 0) or size) >= size


@pytest.mark.parametrize("kind", ["MPEGTS", "MPEGPS"])
def test_packets_go_on_behind_bytes_that_are_none(tmp_path: Path, kind: str) -> None:
    content = MADE[kind]()
    for middle in (b"", b"x" * 1000, content[50:300]):
        (tmp_path / "x").write_bytes(content + middle + content + bytes(100))
        with (tmp_path / "x").open("rb") as file:
            assert ends.recording_end(file, kind, 0) == 2 * len(content) + len(middle)


@pytest.mark.parametrize("kind", ["MATROSKA", "TTA", "DSF", "APE", "MUSEPACK", "TAK"])
def test_an_end_that_is_not_told_is_no_cut(tmp_path: Path, kind: str) -> None:
    untold = {
        "MATROSKA": matroska().replace(ends.SEGMENT + b"\1" + bytes(5), ends.SEGMENT + b"\xff"),
        "TTA": true_audio()[:14] + b"\xff" * 4 + true_audio()[18:],
        "DSF": dsf().replace(b"fmt ", b"????"),
        "APE": monkeys_audio().replace(b"MAC \x96\x0f", b"MAC \x6e\x0f"),
        "MUSEPACK": musepack().replace(b"AP", b"\0\0"),
        "TAK": tak().replace(b"\7", b"\x04"),
    }
    path = tmp_path / "x"
    path.write_bytes(untold[kind])
    with path.open("rb") as file:
        assert ends.recording_end(file, kind, 0) is None
    check(path, kind)


def test_blocks_of_wavpack_behind_damage_are_no_second_recording(tmp_path: Path) -> None:
    content = wavpack()
    path = tmp_path / "x"
    path.write_bytes(content[:600] + bytes(100) + content[700:])
    check(path, "WAVPACK")
    path.write_bytes(content + content)
    with pytest.raises(TrackError, match=f"begins at byte {len(content)}"):
        check(path, "WAVPACK")


# ffmpeg's

CODERS = {
    "mka": ["-c:a", "flac"], "webm": ["-c:a", "libopus"], "wv": ["-c:a", "wavpack"],
    "tta": ["-c:a", "tta"], "avi": ["-c:a", "mp2"], "flv": ["-c:a", "aac"],
    "ts": ["-c:a", "mp2"],
}  # fmt: skip


def made(folder: Path, name: str, *pictures: str) -> bytes:
    assert FFMPEG
    x = np.random.default_rng(0).standard_normal((SECONDS * RATE, 2)) * 0.1
    soundfile.write(folder / "source.wav", x, RATE)
    sound = ["-i", str(folder / "source.wav"), *CODERS.get(name, [])]
    path = folder / f"made.{name}"
    subprocess.run([FFMPEG, "-v", "error", "-y", *pictures, *sound, str(path)], check=True)
    return path.read_bytes()


def refused(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(TrackError) as caught:
        decode_to(str(path), f"{path}.wav")
    assert caught.value.code == "truncated"
    return caught.value.message


@needs_ffmpeg
@pytest.mark.parametrize("name", CODERS)
def test_half_a_file_is_a_row(tmp_path: Path, name: str) -> None:
    content = made(tmp_path, name)
    message = refused(tmp_path / "x", content[: len(content) // 2])
    assert "cut off" in message
    assert "second recording" not in message


@needs_ffmpeg
def test_sound_that_is_missing_in_a_film_is_a_row(tmp_path: Path) -> None:
    pictures = ["-f", "lavfi", "-i", f"testsrc=duration={SECONDS + 5}:size=32x32:rate=5"]
    content = made(tmp_path, "mkv", *pictures)
    whole = tmp_path / "x"
    whole.write_bytes(content)
    assert decode_to(str(whole), f"{whole}.wav").duration == pytest.approx(SECONDS, abs=0.1)
    third = len(content) // 3
    assert "decode" in refused(whole, content[:third] + bytes(third) + content[2 * third :])


@needs_ffmpeg
def test_a_second_flv_is_found(tmp_path: Path) -> None:
    content = made(tmp_path, "flv")
    assert f"begins at byte {len(content)}" in refused(tmp_path / "x", content * 2)
