"""Frames of ID3 behind one that is none: read all the same, and what is left out is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from mutagen.flac import FLAC
from mutagen.wave import WAVE

from morphsep.audio.tags import copy_tags
from morphsep.audio.tags.id3_frames import REST, parse, rendered
from tests.tag_files import sound

IDS = {2: (b"TT2", b"tBD", b"TP1"), 3: (b"TIT2", b"tBAD", b"TPE1"), 4: (b"TIT2", b"tBAD", b"TPE1")}


def frame(name: bytes, text: bytes, size: int | None = None) -> bytes:
    """A frame of Latin-1, below 128 bytes, so that both kinds of sizes are the same."""
    size = len(text) + 1 if size is None else size
    return name + size.to_bytes(len(name), "big") + bytes(2 * (len(name) == 4)) + b"\0" + text


def tag(version: int, *frames: bytes) -> bytes:
    return rendered(parse(b"ID3" + bytes([version]) + bytes(6)), frames)


@pytest.mark.parametrize("version", [2, 3, 4])
@pytest.mark.parametrize("padding", [b"", bytes(50)])
def test_what_follows_an_odd_frame_is_read(version: int, padding: bytes) -> None:
    title, odd, artist = IDS[version]
    content = tag(version, frame(title, b"A"), frame(odd, b"B"), frame(artist, b"C"), padding)
    frames = parse(content).frames
    assert [raw.id for raw in frames] == ["TIT2", odd.decode(), "TPE1"]
    assert [raw.is_odd for raw in frames] == [False, True, False]
    assert str(frames[2].frame) == "C"


@pytest.mark.parametrize("version", [2, 3, 4])
@pytest.mark.parametrize(
    "rest", [b"\xff" * 30, b"no frame, but text", b"\0\0\0junk behind padding", b"TI"]
)
def test_a_rest_that_is_no_padding_is_one_odd_frame(version: int, rest: bytes) -> None:
    frames = parse(tag(version, frame(IDS[version][0], b"A"), rest)).frames
    assert [(raw.id, raw.is_odd) for raw in frames] == [("TIT2", False), (REST, True)]
    assert frames[1].data == rest


@pytest.mark.parametrize("version", [2, 3, 4])
def test_the_last_frame_claims_no_more_than_there_is(version: int) -> None:
    name = IDS[version][2]
    (raw,) = parse(tag(version, frame(name, b"Anna", size=100))).frames
    assert raw.data == frame(name, b"Anna")
    assert raw.frame is not None


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_an_odd_frame_is_named_and_harms_no_other(tmp_path: Path, suffix: str) -> None:
    source, target = sound(tmp_path / "in.mp3"), sound(tmp_path / f"out.{suffix}")
    frames = frame(b"TIT2", b"A"), frame(b"tBAD", b"B"), frame(b"TPE1", b"C"), b"\xff" * 20
    source.write_bytes(tag(3, *frames) + source.read_bytes())
    said = copy_tags(str(source), str(target), "A=PCM")
    assert [name for name, _ in said.left_out] == ["tBAD", REST]
    if suffix == "wav":
        found = WAVE(target).tags
        assert (str(found["TIT2"]), str(found["TPE1"]), len(found)) == ("A", "C", 2)
    else:
        assert (FLAC(target)["title"], FLAC(target)["artist"]) == (["A"], ["C"])
