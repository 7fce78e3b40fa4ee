"""Tags at places where few look for them: found, or named as not read."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mutagen import id3

from morphsep.audio.tags import copy_tags
from morphsep.audio.tags.programme import programme_names
from morphsep.audio.tags.read import read
from morphsep.audio.tags.user_data import read_user_data


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


def ape(**items: str) -> bytes:
    """An APEv2 tag with a footer only."""
    content = b"".join(
        struct.pack("<II", len(text.encode()), 0) + name.encode() + b"\0" + text.encode()
        for name, text in items.items()
    )
    numbers = struct.pack("<IIII", 2000, len(content) + 32, len(items), 0)
    return content + b"APETAGEX" + numbers + bytes(8)


def id3_tag(title: str) -> bytes:
    tag, file = id3.ID3(), io.BytesIO()
    tag.add(id3.TIT2(3, [title]))
    tag.save(file)
    return file.getvalue()


def wave(path: Path, title: str) -> bytes:
    """A WAV with a title in its LIST chunk."""
    with soundfile.SoundFile(path, "w", 44_100, 1, "PCM_16", format="WAV") as file:
        file.title = title
        file.write(np.zeros(100))
    return path.read_bytes()


def test_texts_of_quicktime_and_3gpp() -> None:
    texts = [
        box(b"\xa9nam", struct.pack(">HH", 5, 0x55C4) + "Tïtl".encode()),
        box(b"\xa9alb", struct.pack(">HH", 4, 0) + "Älbm".encode("mac_roman")),
        box(b"perf", bytes(4) + b"\x15\xc7" + "Künstler".encode() + b"\0"),
        box(b"dscp", bytes(4) + b"\x15\xc7\xfe\xff" + "über".encode("utf-16-be") + b"\0\0"),
        box(b"yrrc", bytes(4) + struct.pack(">H", 1999)),
        box(b"free", bytes(9)),
        box(b"xyzw", b"?"),
    ]
    movie = box(b"moov", box(b"udta", b"".join(texts)))
    tags = read_user_data(io.BytesIO(box(b"ftyp", b"qt  ") + movie))
    assert tags.fields == {
        "title": ["Tïtl"], "album": ["Älbm"], "artist": ["Künstler"], "description": ["über"],
        "date": ["1999"],
    }  # fmt: skip
    assert tags.left_out == [("xyzw", "it is not read")]


@pytest.mark.parametrize("before", [id3_tag("first"), bytes(100) + id3_tag("first")])
def test_tags_of_a_file_behind_an_id3_tag(tmp_path: Path, before: bytes) -> None:
    tags = read(io.BytesIO(before + wave(tmp_path / "x.wav", "second")))
    assert tags.fields["title"] == ["first"]
    assert [name for name, _ in tags.left_out] == ["tags behind it title"]
    tags = read(io.BytesIO(bytes(100) + wave(tmp_path / "x.wav", "second")))
    assert tags.fields["title"] == ["second"]
    movie = box(b"ftyp", b"M4A \0\0\0\0") + box(b"moov", b"")
    assert read(io.BytesIO(bytes(1) + movie)).left_out == read(io.BytesIO(movie)).left_out


@pytest.mark.parametrize(
    "after", [b"", b"TAG" + bytes(124) + b"\xff", b"\r\n", bytes(5000), b"LYRICS200"]
)
def test_ape_tags_with_something_behind_them(after: bytes) -> None:
    sound = b"wvpk" + bytes(1000)
    tags = read(io.BytesIO(sound + ape(Title="one", Artist="x") + ape(Title="two") + after))
    assert tags.fields == {"title": ["two"], "artist": ["x"]}
    assert [name for name, _ in tags.left_out] == ["APEv2 title"]


@pytest.mark.parametrize(
    "head",
    [
        b"\x1aE\xdf\xa3", b"RIFF\0\0\0\0AVI ", b"FLV\x01", b"\0\0\x01\xba",
        (b"G\x40\x11\x10" + bytes(184)) * 3,
    ],
)  # fmt: skip
def test_containers_that_ffprobe_cannot_read_are_named(tmp_path: Path, head: bytes) -> None:
    for before in (b"", id3_tag("first")):
        (tmp_path / "x").write_bytes(before + head + bytes(1000))
        with (tmp_path / "x").open("rb") as file:
            tags = read(file)
        ((name, reason),) = tags.left_out
        assert name == "tags"
        assert "ff" in reason
        assert tags.fields == ({"title": ["first"]} if before else {})


@pytest.mark.skipif(
    not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="ffmpeg is not installed"
)
@pytest.mark.parametrize(
    ("name", "coder", "carried"),
    [("x.mka", "flac", "title"), ("x.avi", "mp2", "title"), ("x.flv", "mp3", "title"),
     ("x.ts", "mp2", "service_name")],
)  # fmt: skip
def test_tags_that_ffprobe_tells(tmp_path: Path, name: str, coder: str, carried: str) -> None:
    """A transport stream has no title, but the name of its programme."""
    path = tmp_path / name
    source = ["-f", "lavfi", "-i", "sine=d=0.2:sample_rate=44100"]
    command = ["ffmpeg", "-nostdin", "-v", "error", *source, "-c:a", coder]
    subprocess.run([*command, "-metadata", "title=second", str(path)], check=True)
    with path.open("rb") as file:
        assert read(file).fields[carried] == ["second"]
    if name == "x.ts":
        joined = tmp_path / "joined.ts"
        joined.write_bytes(path.read_bytes().replace(b"second", b"before") + path.read_bytes())
        with joined.open("rb") as file:
            tags = read(file)
        assert (tags.fields[carried], tags.left_out[0][0]) == (["before"], "service_name second")
    path.write_bytes(id3_tag("first") + path.read_bytes())
    with path.open("rb") as file:
        tags = read(file)
    assert tags.fields["title"] == ["first"]
    is_named = "tags behind it title" in [name for name, _ in tags.left_out]
    assert is_named or tags.fields[carried] == ["second"]


@pytest.mark.parametrize("kind", ["FLAC", "WAV", "OGG"])
def test_a_tag_without_a_name_is_carried_and_takes_no_others_with_it(
    tmp_path: Path, kind: str
) -> None:
    tag = id3.ID3()
    for frame in (id3.TXXX(3, "", ["text"]), id3.TIT2(3, ["title"])):
        tag.add(frame)
    soundfile.write(tmp_path / "x.mp3", np.zeros(3000), 44_100, format="MP3")
    tag.save(tmp_path / "x.mp3")
    out = tmp_path / f"x.{kind.lower()}"
    soundfile.write(out, np.zeros(3000), 44_100, format=kind)
    assert copy_tags(str(tmp_path / "x.mp3"), str(out), "").warning is None
    with out.open("rb") as file:
        fields = read(file).fields
    assert fields["title"] == ["title"]
    assert ["text"] in fields.values()


def services(name: bytes, provider: bytes = b"FFmpeg") -> bytes:
    """A packet of a transport stream that names its programme."""
    body = bytes([1, len(provider)]) + provider + bytes([len(name)]) + name
    service = b"\0\1\xfc\x80" + bytes([len(body) + 2, 0x48, len(body)]) + body
    table = b"\x42\xf0" + bytes([8 + len(service) + 4]) + bytes(8) + service + bytes(4)
    return (b"G\x40\x11\x10\0" + table).ljust(188, b"\xff")


def test_names_of_programmes() -> None:
    sound = b"G\x41\0\x10" + b"\x55" * 184
    first, second = services(b"one"), services("\x15Größe".encode())
    stream = b"x" * 7 + first + sound * 6000 + first + second + services(b"", b"") + sound + second
    assert programme_names(io.BytesIO(stream)) == ["one", "Größe"]
    for size in range(len(first)):
        assert programme_names(io.BytesIO(first[:size])) == []
    for at in range(4, 188):  # any one byte may be wrong
        programme_names(io.BytesIO(first[:at] + b"\xff" + first[at + 1 :]))
    assert programme_names(io.BytesIO(sound)) == []
