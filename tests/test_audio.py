"""Reading and writing files: exact where the format is, and a clear refusal of what is damaged."""

from __future__ import annotations

import os
import resource
import stat
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from morphsep.audio import (
    AudioInfo,
    AudioReader,
    AudioWriter,
    OutputFormat,
    blocks,
    check_length,
    decode_to,
    output_format,
    probe,
)
from morphsep.audio.containers import flac
from morphsep.audio.formats import SUBTYPES, SUFFIXES
from morphsep.errors import SettingError, TrackError

RATE = 44_100
EXACT = [(f, s) for f, subtypes in SUBTYPES.items() if f != "OGG" for s in subtypes]
LOSSY = [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("WAV", "ULAW")]


def form(name: str, subtype: str) -> OutputFormat:
    return OutputFormat(format=name, subtype=subtype, extension=SUFFIXES[name][0])


def noise(seconds: float = 1.0, channels: int = 2, rate: int = RATE, seed: int = 0) -> np.ndarray:
    shape = (channels, round(seconds * rate))
    return (np.random.default_rng(seed).standard_normal(shape) * 0.1).astype(np.float32)


def store(path: Path, x: np.ndarray, name: str, subtype: str, rate: int = RATE) -> str:
    with AudioWriter(str(path), rate, len(x), form(name, subtype)) as writer:
        writer.write(x)
    return str(path)


def plain(path: Path, x: np.ndarray, name: str, subtype: str, rate: int = RATE) -> str:
    """Written by libsndfile alone."""
    soundfile.write(path, x.T, rate, format=name, subtype=subtype)
    return str(path)


def load(path: str, dtype: str = "float32") -> np.ndarray:
    with AudioReader(path) as reader:
        return reader.read(0, reader.info.num_samples, dtype)


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(TrackError) as caught:
        action()
    assert len(caught.value.message) > 20
    return caught.value.code


def decode_all(path: str) -> int:
    if probe(path).via_ffmpeg:
        return decode_to(path, f"{path}.decoded").num_samples
    with AudioReader(path) as reader:
        return sum(block.shape[1] for block in blocks(reader, 50_000))


# Formats


@pytest.mark.parametrize(("name", "subtype"), EXACT)
@pytest.mark.parametrize("channels", [1, 2])
def test_integers_and_floats_come_back_bit_exact(
    tmp_path: Path, name: str, subtype: str, channels: int
) -> None:
    bits = form(name, subtype).bits
    rng = np.random.default_rng(1)
    if bits is None:
        x = rng.standard_normal((channels, 5000)).astype(np.float32)
    else:
        whole = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (channels, 5000))
        whole[:, :2] = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        x = whole / 2.0 ** (bits - 1)
    path = store(tmp_path / "a", x, name, subtype)
    info = probe(path)
    assert (info.format, info.subtype, info.num_channels) == (name, subtype, channels)
    assert info.is_seekable
    assert info.num_samples == 5000
    assert np.array_equal(load(path, "float64"), x)
    again = store(tmp_path / "b", load(path, "float64"), name, subtype)
    assert Path(path).read_bytes() == Path(again).read_bytes()


@pytest.mark.parametrize(("name", "subtype"), [("WAV", "PCM_24"), ("FLAC", "PCM_16")])
def test_files_of_other_programs_pass_unchanged_in_float32(
    tmp_path: Path, name: str, subtype: str
) -> None:
    path = plain(tmp_path / "a", noise(), name, subtype)
    again = store(tmp_path / "b", load(path), name, subtype)
    integers = [soundfile.read(p, dtype="int32")[0] for p in (path, again)]
    assert np.array_equal(*integers)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 32_000, 44_099, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("name", ["WAV", "FLAC", "AIFF", "OGG"])
def test_sample_rates(tmp_path: Path, name: str, rate: int) -> None:
    subtype = "VORBIS" if name == "OGG" else "PCM_16"
    info = probe(store(tmp_path / "a", noise(0.2, 1, rate), name, subtype, rate))
    assert (info.sample_rate, info.num_samples) == (rate, round(0.2 * rate))


@pytest.mark.parametrize(("name", "subtype"), LOSSY)
def test_lossy_files_are_decoded_once_in_full(tmp_path: Path, name: str, subtype: str) -> None:
    rate = 48_000
    path = plain(tmp_path / "a", noise(2.0, 2, rate), name, subtype, rate)
    info = probe(path)
    assert info.is_lossy
    assert not info.is_seekable
    decoded = decode_to(path, str(tmp_path / "out.wav"))
    assert (decoded.format, decoded.subtype) == ("WAV", "FLOAT")
    assert (decoded.sample_rate, decoded.num_channels) == (rate, 2)
    assert decoded.num_samples == info.num_samples
    expected = soundfile.read(path, dtype="float32", always_2d=True)[0].T
    assert np.array_equal(load(decoded.path), expected)


def test_a_24_bit_tone_at_minus_110_dbfs_survives(tmp_path: Path) -> None:
    tone = 10 ** (-110 / 20) * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    first = load(store(tmp_path / "a", tone[None], "WAV", "PCM_24"))
    again = load(store(tmp_path / "b", first, "FLAC", "PCM_24"))
    assert np.array_equal(first, again)
    assert 20 * np.log10(np.sqrt(2 * np.mean(again.astype(float) ** 2))) == pytest.approx(
        -110, abs=0.1
    )


@pytest.mark.parametrize("num_samples", [1, 4410])
@pytest.mark.parametrize(("name", "subtype"), [*EXACT, ("OGG", "VORBIS")])
def test_very_short_files(tmp_path: Path, name: str, subtype: str, num_samples: int) -> None:
    path = store(tmp_path / "a", np.full((1, num_samples), 0.5), name, subtype)
    assert decode_all(path) == num_samples


@pytest.mark.parametrize("name", ["Größe 🎸 日本.wav", "n" * 246 + ".wav", "-o: %s.wav", " .wav"])
def test_odd_names(tmp_path: Path, name: str) -> None:
    path = store(tmp_path / name, noise(0.1), "WAV", "PCM_16")
    assert os.listdir(tmp_path) == [name]
    assert probe(path).num_samples == 4410


def test_a_name_that_is_no_utf8(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav")
    assert decode_all(store(Path(path), noise(0.1), "WAV", "PCM_16")) == 4410


def test_the_content_decides_and_not_the_name(tmp_path: Path) -> None:
    assert probe(plain(tmp_path / "a.mp3", noise(0.1), "FLAC", "PCM_16")).format == "FLAC"
    assert probe(plain(tmp_path / "a.raw", noise(0.1), "WAV", "PCM_16")).format == "WAV"


# Reading


@settings(max_examples=60, deadline=None)
@given(
    spans=st.lists(st.tuples(st.integers(-3000, 13_000), st.integers(0, 4000)), max_size=6),
    kind=st.sampled_from(["FLAC", "WAV", "CAF"]),
)
def test_any_span_is_exact_and_silent_outside(
    tmp_path_factory: pytest.TempPathFactory, spans: list[tuple[int, int]], kind: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "spans"
    folder.mkdir(exist_ok=True)
    path = folder / kind
    if not path.exists():
        store(path, noise(10_000 / RATE), kind, "PCM_16")
    padded = np.pad(load(str(path)), ((0, 0), (5000, 20_000)))
    with AudioReader(str(path)) as reader:
        for start, length in spans:
            assert np.array_equal(reader.read(start, length), padded[:, start + 5000 :][:, :length])


def test_reading_on_does_not_seek(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seeks = []
    seek = soundfile.SoundFile.seek
    monkeypatch.setattr(
        soundfile.SoundFile, "seek", lambda self, *a: seeks.append(a) or seek(self, *a)
    )
    with AudioReader(store(tmp_path / "a", noise(), "FLAC", "PCM_16")) as reader:
        seeks.clear()
        for start in range(0, 40_000, 10_000):
            reader.read(start, 10_000)
        assert not seeks
        reader.read(5, 10)
        assert len(seeks) == 1


def test_blocks_are_the_whole_file(tmp_path: Path) -> None:
    x = noise()
    with AudioReader(store(tmp_path / "a", x, "WAV", "FLOAT")) as reader:
        parts = list(blocks(reader, 10_000))
    assert [part.shape[1] for part in parts] == [10_000] * 4 + [4100]
    assert np.array_equal(np.concatenate(parts, axis=1), x)


def test_channels_are_picked_or_refused(tmp_path: Path) -> None:
    x = noise(0.2, 6)
    path = plain(tmp_path / "a.wav", x, "WAVEX", "FLOAT")
    assert code_of(lambda: AudioReader(path)) == "too_many_channels"
    assert code_of(lambda: AudioReader(path, (0, 6))) == "too_many_channels"
    assert code_of(lambda: decode_to(path, str(tmp_path / "o.wav"))) == "too_many_channels"
    with AudioReader(path, (4, 1)) as reader:
        assert reader.info.num_channels == 2
        assert np.array_equal(reader.read(100, 500), x[[4, 1], 100:600])
        assert np.array_equal(next(blocks(reader, 500)), x[[4, 1], :500])
    with AudioReader(plain(tmp_path / "b.wav", x[:1], "WAV", "FLOAT"), (4, 1)) as reader:
        assert reader.read(0, 10).shape == (1, 10)


# What cannot be read


def test_files_that_are_not_there(tmp_path: Path) -> None:
    assert code_of(lambda: probe(str(tmp_path / "a.wav"))) == "not_found"
    assert code_of(lambda: probe(str(tmp_path / ("x" * 300)))) == "not_found"
    link = tmp_path / "link.wav"
    link.symlink_to(tmp_path / "gone.wav")
    with pytest.raises(TrackError, match="link"):
        probe(str(link))
    (tmp_path / "folder.wav").mkdir()
    assert code_of(lambda: probe(str(tmp_path / "folder.wav"))) == "is_a_folder"
    os.mkfifo(tmp_path / "pipe.wav")
    assert code_of(lambda: probe(str(tmp_path / "pipe.wav"))) == "not_audio"


@contextmanager
def unprivileged() -> Iterator[None]:
    """root may read anything: be nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_without_permission(tmp_path: Path) -> None:
    path = Path(store(tmp_path / "a.wav", noise(0.1), "WAV", "PCM_16"))
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(folder.stat().st_mode | stat.S_IXOTH | stat.S_IROTH)
    path.chmod(0)
    with unprivileged():
        assert code_of(lambda: probe(str(path))) == "no_permission"
        form_wav = form("WAV", "PCM_16")
        assert (
            code_of(lambda: AudioWriter("/proc/a.wav", RATE, 1, form_wav).__enter__())
            == "no_permission"
        )


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.flac", "a.m4a", "a.ogg"])
@pytest.mark.parametrize(
    "content",
    [
        b"This is a text, not a song.\n" * 4000,
        "UTF-16 begins with what looks like an MPEG header\n".encode("utf-16") * 4000,
        b"ID3\x03\0\0\0\0\0\x0a" + bytes(10) + b"a tag and then text " * 4000,
        b"\xff\xfb\x90\x44" + np.random.default_rng(0).bytes(200_000),
        b"\xff\xd8\xff\xe0" + np.random.default_rng(1).bytes(200_000),
        b"RIFF\x24\0\0\0AVI LIST" + bytes(1000),
        bytes(1),
        bytes(100_000),
    ],
    ids=["text", "utf16", "id3", "one-frame", "jpeg", "avi", "one-byte", "zeros"],
)
def test_what_is_no_audio(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert code_of(lambda: probe(str(path))) == "not_audio"


def test_empty_files(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.touch()
    assert code_of(lambda: probe(str(path))) == "empty_file"
    plain(path, np.zeros((1, 0)), "WAV", "PCM_16")
    assert code_of(lambda: probe(str(path))) == "empty_file"


@pytest.mark.parametrize("rate", [7_999, 192_001, 384_000])
def test_rates_outside_the_range(tmp_path: Path, rate: int) -> None:
    path = plain(tmp_path / "a.wav", noise(0.1), "WAV", "PCM_16", rate)
    assert code_of(lambda: probe(path)) == "unsupported_rate"


# Damage


def replaced(path: str, at: int, new: bytes) -> str:
    content = bytearray(Path(path).read_bytes())
    content[at : at + len(new)] = new
    Path(path).write_bytes(content)
    return path


def data_size_at(path: str, chunk: bytes = b"data") -> int:
    return Path(path).read_bytes().index(chunk) + 4


CUT = [
    *((name, "PCM_24", part) for name in SUBTYPES if name != "OGG" for part in (0.02, 0.5, 0.9999)),
    *((name, subtype, part) for name, subtype in LOSSY for part in (0.02, 0.5)),
    ("WAV", "FLOAT", 0.9999), ("OGG", "VORBIS", 0.9999), ("OGG", "OPUS", 0.9999),
]  # fmt: skip


@pytest.mark.parametrize(("name", "subtype", "part"), CUT)
def test_a_file_that_was_cut_off(tmp_path: Path, name: str, subtype: str, part: float) -> None:
    rate = 48_000
    path = plain(tmp_path / "a", noise(3.0, 2, rate), name, subtype, rate)
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[: int(len(content) * part)])
    code = code_of(lambda: decode_all(path))
    assert code == "truncated"


def test_the_message_says_how_much_is_missing(tmp_path: Path) -> None:
    path = plain(tmp_path / "a.wav", noise(3.0), "WAV", "PCM_16")
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[: 44 + 4 * RATE])
    with pytest.raises(TrackError, match=r"promises 3\.00 s but only 1\.00 s decode"):
        probe(path)


@pytest.mark.parametrize(
    ("name", "chunk", "layout"),
    [("WAV", b"data", "<I"), ("AIFF", b"SSND", ">I"), ("CAF", b"data", ">Q")],
)
def test_a_data_chunk_that_claims_more(
    tmp_path: Path, name: str, chunk: bytes, layout: str
) -> None:
    path = plain(tmp_path / "a", noise(), name, "PCM_16")
    replaced(path, data_size_at(path, chunk), struct.pack(layout, 2 * 4 * RATE))
    assert code_of(lambda: probe(path)) == "truncated"


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFF000, 0x7FFFFFFF, 0x80000000])
def test_wav_written_into_a_pipe(tmp_path: Path, size: int) -> None:
    x = noise()
    path = plain(tmp_path / "a.wav", x, "WAV", "FLOAT")
    replaced(path, data_size_at(path), struct.pack("<I", size))
    replaced(path, 4, struct.pack("<I", size))
    assert probe(path).num_samples == x.shape[1]
    assert np.array_equal(load(path), x)
    with AudioReader(path) as reader:
        assert np.array_equal(reader.read(20_000, 99), x[:, 20_000:20_099])


@pytest.mark.parametrize(
    ("name", "field", "size"),
    [
        ("AIFF", "SSND", struct.pack(">I", 0)),
        ("CAF", "data", struct.pack(">q", -1)),
        (
            "W64",
            "data",
            b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a" + b"\xff" * 7 + b"\x7f",
        ),
    ],
)
def test_other_formats_written_into_a_pipe(
    tmp_path: Path, name: str, field: str, size: bytes
) -> None:
    x = noise()
    path = plain(tmp_path / "a", x, name, "PCM_24")
    whole = load(path)
    replaced(path, data_size_at(path, field.encode()), size)
    assert np.array_equal(load(path), whole)


def test_a_chunk_behind_the_samples_of_a_w64_is_no_sound(tmp_path: Path) -> None:
    path = plain(tmp_path / "a", noise(), "W64", "PCM_16")
    whole = load(path)
    guid = b"bext" + bytes.fromhex("f3acd3118cd100c04f8edb8a")
    content = Path(path).read_bytes()
    content += bytes(-len(content) % 8) + guid + struct.pack("<Q", 24 + 800) + b"B" * 800
    Path(path).write_bytes(content[:16] + struct.pack("<Q", len(content)) + content[24:])
    assert np.array_equal(load(path), whole)


@pytest.mark.parametrize("num_bytes", range(1, 8))
def test_a_few_bytes_behind_the_samples_of_a_w64_are_no_sound(
    tmp_path: Path, num_bytes: int
) -> None:
    path = plain(tmp_path / "a", noise(), "W64", "PCM_16")
    whole = load(path)
    with Path(path).open("ab") as file:
        file.write(b"\r\n tail"[:num_bytes])
    assert np.array_equal(load(path), whole)


def test_rf64_written_into_a_pipe(tmp_path: Path) -> None:
    path = plain(tmp_path / "a", noise(), "RF64", "PCM_16")
    whole = load(path)
    replaced(path, 20, bytes(24))
    assert np.array_equal(load(path), whole)


def flac_total(path: str, total: int) -> str:
    head = Path(path).read_bytes()[21]
    return replaced(
        path, 21, bytes((head & 0xF0 | total >> 32,)) + struct.pack(">I", total % 2**32)
    )


def test_flac_that_promises_more(tmp_path: Path) -> None:
    path = flac_total(plain(tmp_path / "a", noise(), "FLAC", "PCM_16"), 2 * RATE)
    with pytest.raises(TrackError, match=r"promises 2\.00 s but only 1\.00 s decode"):
        decode_all(path)
    with AudioReader(path) as reader:
        assert code_of(lambda: reader.read(RATE + 100, 100)) == "truncated"


@pytest.mark.parametrize("num_samples", [1, 4096, 4097, 700_001])
def test_flac_written_into_a_pipe(tmp_path: Path, num_samples: int) -> None:
    x = np.resize(noise(), (2, num_samples))
    path = plain(tmp_path / "a", x, "FLAC", "PCM_24")
    whole = load(path)
    flac_total(path, 0)
    assert probe(path).num_samples == num_samples
    assert np.array_equal(load(path), whole)
    with AudioReader(path) as reader:
        assert np.array_equal(
            reader.read(num_samples // 2, 50)[:, :1], whole[:, num_samples // 2][:, None]
        )


@pytest.mark.parametrize("damage", ["zeros", "one bit", "hole"])
def test_flac_damaged_in_the_middle(tmp_path: Path, damage: str) -> None:
    path = plain(tmp_path / "a", noise(2.0), "FLAC", "PCM_16")
    content = bytearray(Path(path).read_bytes())
    middle = len(content) // 2
    if damage == "zeros":
        content[middle : middle + 2000] = bytes(2000)
    elif damage == "one bit":
        content[middle] ^= 1
    else:
        del content[middle : middle + 30_000]
    Path(path).write_bytes(content)
    assert code_of(lambda: decode_all(path)) == "truncated"


def chunk(name: bytes, content: bytes, order: str = "<I") -> bytes:
    return name + struct.pack(order, len(content)) + content + bytes(len(content) % 2)


def claiming(path: str, name: str, num_bytes: int) -> str:
    """The data chunk's size set to ``num_bytes`` of samples."""
    if name == "RF64":
        return replaced(path, 28, struct.pack("<Q", num_bytes))
    if name == "W64":
        return replaced(path, data_size_at(path) + 12, struct.pack("<Q", 24 + num_bytes))
    if name == "AIFF":
        return replaced(path, data_size_at(path, b"SSND"), struct.pack(">I", 8 + num_bytes))
    if name == "CAF":
        return replaced(path, data_size_at(path), struct.pack(">Q", 4 + num_bytes))
    return replaced(path, data_size_at(path), struct.pack("<I", num_bytes))


@pytest.mark.parametrize("name", ["WAV", "RF64", "W64", "AIFF", "CAF"])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_a_data_chunk_that_claims_too_little(tmp_path: Path, name: str, subtype: str) -> None:
    path = plain(tmp_path / "a", noise(4.0), name, subtype)
    sample = 8 if subtype == "FLOAT" else 4
    claiming(path, name, RATE * sample)
    with pytest.raises(TrackError, match=r"speaks of 1\.00 s but 3\.00 s more follow") as caught:
        probe(path)
    assert caught.value.code == "truncated"
    assert ("ffmpeg -ignore_length 1" in caught.value.message) == (name in ("WAV", "RF64"))
    assert "export the file again" in caught.value.message
    assert code_of(lambda: AudioReader(path)) == "truncated"


def test_the_wav_of_the_review(tmp_path: Path) -> None:
    path = plain(tmp_path / "a.wav", noise(4.0), "WAV", "PCM_16")
    claiming(path, "WAV", 100_000)
    with pytest.raises(TrackError, match=r"a\.wav: .* 0\.57 s but 3\.43 s more follow"):
        probe(path)


@pytest.mark.parametrize("level", [0.0, 1e-4, 1e-3, 0.01, 0.1, 1.0])
@pytest.mark.parametrize("name", ["WAV", "W64", "AIFF", "CAF"])
def test_no_sound_passes_for_chunks(tmp_path: Path, name: str, level: float) -> None:
    x = noise(4.0) * level
    x[:, -RATE:] = noise(1.0) * 0.1
    for claimed in range(100_000, 100_040, 4):
        path = claiming(plain(tmp_path / "a", x, name, "PCM_16"), name, claimed)
        assert code_of(lambda path=path: probe(path)) == "truncated"


@pytest.mark.parametrize(
    ("seconds", "left_out", "is_fine"),
    [(20.0, 2**16, True), (20.0, 2**16 + 4, False), (0.2, 2**14, True), (0.2, 20_000, False)],
)
def test_how_much_junk_may_follow(
    tmp_path: Path, seconds: float, left_out: int, is_fine: bool
) -> None:
    path = plain(tmp_path / "a.wav", noise(seconds) + np.float32(0.5), "WAV", "PCM_16")
    claiming(path, "WAV", round(seconds * RATE) * 4 - left_out)
    if is_fine:
        assert probe(path).num_samples == round(seconds * RATE) - left_out // 4
    else:
        assert code_of(lambda: probe(path)) == "truncated"


def test_a_second_file_glued_on_is_not_lost(tmp_path: Path) -> None:
    for name in ("WAV", "AIFF", "W64", "CAF"):
        path = plain(tmp_path / "a", noise(2.0), name, "PCM_16")
        content = Path(path).read_bytes()
        Path(path).write_bytes(content + content)
        assert code_of(lambda path=path: probe(path)) == "truncated"


ID3_PICTURE = b"ID3\x04\0\0" + bytes((0, 8, 0, 0)) + b"p" * (8 << 14)
APE_TAG = b"APETAGEX" + struct.pack("<IIII", 2000, 90_000, 3, 0xA0000000) + bytes(8) + b"k" * 90_000
TAILS = {
    "nothing": b"",
    "notes": b"".join(
        chunk(name, b"\x93" * size)
        for name, size in [
            (b"LIST", 90_001), (b"id3 ", 300_000), (b"bext", 602), (b"cue ", 28), (b"smpl", 60),
            (b"JUNK", 70_000), (b"PEAK", 24), (b"iXML", 5_001), (b"umid", 24), (b"DGDA", 99_999),
            (b"ID3\0", 80_000),
        ]
    ),
    "odd notes without their padding": b"".join(
        (b"LIST", struct.pack("<I", 90_001), b"x" * 90_001, chunk(b"bext", b"y" * 80_000))
    ),
    "notes padded with another byte": b"".join(
        (b"LIST", struct.pack("<I", 90_001), b"x" * 90_001, b"!", chunk(b"bext", b"y" * 80_000))
    ),
    "zeros": bytes(1_500_001),
    "zeros and notes": bytes(70_000) + chunk(b"minf", b"m" * 70_000) + bytes(4096),
    "notes cut off": chunk(b"LIST", b"x" * 200_000)[:150_000],
    "id3v1": b"TAG" + b"t" * 125,
    "id3v2": ID3_PICTURE,
    "ape": APE_TAG,
    "ape between notes and id3v1": chunk(b"LIST", b"x" * 80_000) + APE_TAG + b"TAG" + b"t" * 125,
    "junk": b"\xfe" * 60_000,
}  # fmt: skip


@pytest.mark.parametrize("after", TAILS.values(), ids=TAILS)
def test_what_may_follow_the_samples_of_a_wav(tmp_path: Path, after: bytes) -> None:
    path = plain(tmp_path / "a.wav", noise(), "WAV", "PCM_16")
    whole = load(path)
    content = Path(path).read_bytes() + after
    for riff_size in (len(content) - 8, len(content) - 8 - len(after)):
        Path(path).write_bytes(content[:4] + struct.pack("<I", riff_size) + content[8:])
        assert np.array_equal(load(path), whole)


@pytest.mark.parametrize("pad", [b"", b"\0", b"!"])
@pytest.mark.parametrize("after", TAILS.values(), ids=TAILS)
def test_odd_data_with_and_without_its_padding(tmp_path: Path, pad: bytes, after: bytes) -> None:
    after = after.replace(chunk(b"PEAK", b"\x93" * 24), chunk(b"PEAK", b"\x93" * 16))
    path = plain(tmp_path / "a.wav", noise(1.0, 1)[:, :-1], "WAV", "PCM_24")
    whole = load(path)
    content = Path(path).read_bytes()
    start = data_size_at(path) + 4
    content = content[: start + 3 * whole.shape[1]]
    assert (len(content) - start) % 2 == 1
    Path(path).write_bytes(content + pad + after)
    assert np.array_equal(load(path), whole)


def test_what_may_follow_the_samples_of_other_formats(tmp_path: Path) -> None:
    text = b"\x93" * 90_000
    tails = {
        "AIFF": chunk(b"ID3 ", text, ">I") + chunk(b"(c) ", b"me", ">I"),
        "RF64": chunk(b"bext", text) + chunk(b"iXML", text),
        "CAF": chunk(b"uuid", text, ">Q") + chunk(b"info", text, ">Q"),
        "W64": bytes(range(1, 17)) + struct.pack("<Q", 24 + len(text)) + text,
    }
    for name, after in tails.items():
        path = plain(tmp_path / "a", noise(), name, "PCM_16")
        whole = load(path)
        content = Path(path).read_bytes()
        for end in (after, after + bytes(100_000), b"\xfe" * 60_000):
            Path(path).write_bytes(content + bytes(-len(content) % 8 * (name == "W64")) + end)
            assert np.array_equal(load(path), whole)


def test_flac_that_claims_too_little(tmp_path: Path) -> None:
    for tag in (b"", b"TAG" + b"t" * 125):
        path = flac_total(plain(tmp_path / "a", noise(4.0), "FLAC", "PCM_16"), RATE)
        Path(path).write_bytes(Path(path).read_bytes() + tag)
        with pytest.raises(TrackError, match=r"1\.00 s but 3\.00 s more.*`ffmpeg -i") as caught:
            probe(path)
        assert caught.value.code == "truncated"


def test_flac_with_bytes_that_pass_for_a_later_frame(tmp_path: Path) -> None:
    path = plain(tmp_path / "a", noise(), "FLAC", "PCM_16")
    whole = load(path)
    frame = b"\xff\xf8\xc9\x18\x7f"
    frame += bytes((flac._crc8(frame),))
    Path(path).write_bytes(Path(path).read_bytes() + b"APETAGEX" + frame + bytes(30))
    with open(path, "rb") as file:
        assert flac.counted(file, 0) == 128 * 4096
    assert np.array_equal(load(path), whole)


def test_flac_claims_are_kept_by_every_length(tmp_path: Path) -> None:
    x = noise(1.0)
    for seed, num_samples in enumerate(range(1, 30_000, 499)):
        path = plain(tmp_path / "a", np.roll(x, seed)[:, :num_samples], "FLAC", "PCM_24")
        assert probe(path).num_samples == num_samples


def xing_at(path: str) -> int:
    content = Path(path).read_bytes()
    return max(content.find(b"Xing"), content.find(b"Info"))


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE", "PCM_16", "PCM_24", "ULAW"])
def test_a_w64_that_names_its_coding_at_the_extensible_place(tmp_path: Path, subtype: str) -> None:
    plainly = plain(tmp_path / "a", noise(), "W64", subtype)
    content = Path(plainly).read_bytes()
    start = content.index(b"fmt \xf3\xac")
    size = int.from_bytes(content[start + 16 : start + 24], "little")
    old, rest = content[start + 24 : start + size], content[start + size + -size % 8 :]
    more = struct.pack("<HHI", 22, int.from_bytes(old[14:16], "little"), 3) + old[:2]
    form = b"\xfe\xff" + old[2:16] + more + bytes.fromhex("000000001000800000aa00389b71")
    header = content[start : start + 16] + struct.pack("<Q", 24 + len(form))
    path = tmp_path / "b.w64"
    path.write_bytes(content[:start] + header + form + rest)
    assert probe(str(path)).subtype == subtype
    assert np.array_equal(load(str(path)), load(plainly))


@pytest.mark.parametrize("name", ["._", ".AppleDouble/x"])
def test_an_mp3_is_read_in_a_folder_that_a_mac_has_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = plain(tmp_path / "a", noise(), "MP3", "MPEG_LAYER_III")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    assert probe(path).format == "MP3"


def test_mp3_that_promises_more(tmp_path: Path) -> None:
    path = plain(tmp_path / "a", noise(), "MP3", "MPEG_LAYER_III")
    replaced(path, xing_at(path) + 8, struct.pack(">I", 500))
    assert code_of(lambda: probe(path)) == "truncated"


@pytest.mark.parametrize(("channels", "rate"), [(1, 44_100), (2, 44_100), (1, 16_000), (2, 8_000)])
def test_mp3_of_variable_rate_without_a_length_is_decoded_to_its_end(
    tmp_path: Path, channels: int, rate: int
) -> None:
    quiet_then_loud = noise(3.0, channels, rate) * np.linspace(0, 3, 3 * rate, dtype=np.float32)
    path = plain(tmp_path / "a", quiet_then_loud, "MP3", "MPEG_LAYER_III", rate)
    whole = load(decode_to(path, str(tmp_path / "whole.wav")).path)
    content = Path(path).read_bytes()
    start = content.index(content[:2], xing_at(path))
    Path(path).write_bytes(content[start:])
    info = probe(path)
    decoded = load(decode_to(path, str(tmp_path / "o.wav")).path)
    assert decoded.shape[1] == info.num_samples
    assert 0 <= info.num_samples - whole.shape[1] < 4 * 1152
    offsets = range(info.num_samples - whole.shape[1] + 1)
    errors = [np.abs(decoded[:, o : o + whole.shape[1]] - whole)[:, 2000:].max() for o in offsets]
    assert min(errors) < 1e-3


def test_mp3_glued_from_two(tmp_path: Path) -> None:
    path = plain(tmp_path / "a", noise(), "MP3", "MPEG_LAYER_III")
    content = Path(path).read_bytes()
    Path(path).write_bytes(content + content)
    assert probe(path).num_samples > 1.95 * RATE
    assert decode_to(path, str(tmp_path / "o.wav")).num_samples > 1.95 * RATE


def test_mp3_between_a_picture_and_an_old_tag(tmp_path: Path) -> None:
    path = plain(tmp_path / "a", noise(), "MP3", "MPEG_LAYER_III")
    size = 300_000
    tag = b"ID3\x03\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + bytes(size)
    content = Path(path).read_bytes()
    for before in (tag, bytes(5000)):
        Path(path).write_bytes(before + content + b"TAG" + bytes(125))
        assert decode_to(path, str(tmp_path / "o.wav")).num_samples == RATE


@pytest.mark.parametrize("name", ["WAV", "FLAC", "AIFF", "CAF", "W64", "RF64", "OGG", "MP3"])
def test_random_damage_ends_in_sound_or_in_a_track_error(tmp_path: Path, name: str) -> None:
    subtype = {"OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}.get(name, "PCM_16")
    path = plain(tmp_path / "a", noise(0.5), name, subtype)
    content = Path(path).read_bytes()
    rng = np.random.default_rng(0)
    for trial in range(30):
        broken = bytearray(content)
        for at in rng.integers(0, 200 if trial % 2 else len(content), 5):
            broken[at] = rng.integers(256)
        Path(path).write_bytes(broken[: rng.integers(1, len(content)) if trial % 3 == 0 else None])
        with suppress(TrackError):
            assert decode_all(path) > 0


def test_check_length() -> None:
    info = AudioInfo(
        path="a.flac", format="FLAC", subtype="PCM_16", sample_rate=RATE, num_channels=1,
        num_samples=100,
    )  # fmt: skip
    check_length(info, 100)
    assert code_of(lambda: check_length(info, 99)) == "truncated"


# ffmpeg

FAKE_FFMPEG = """#!{python}
import sys, shutil
assert not any(word.startswith("-o:") for word in sys.argv)
source = sys.argv[sys.argv.index("-i") + 1]
assert sys.argv[sys.argv.index("-protocol_whitelist") + 1] == "file"
assert source.startswith("file:/") and open(source[5:], "rb")
if "broken" in source:
    print("moov atom not found", file=sys.stderr)
    sys.exit(1)
shutil.copy({wav!r}, sys.argv[-1].removeprefix("file:"))
"""


def adts(num_frames: int) -> bytes:
    """AAC frames (ISO 13818-7) whose headers are right, 44.1 kHz mono."""
    size = 200
    header = bytes(
        (0xFF, 0xF1, 0x50, 0x40 | size >> 11, size >> 3 & 255, (size & 7) << 5 | 31, 0xFC)
    )
    return (header + bytes(size - 7)) * num_frames


@pytest.fixture
def fake_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    wav = plain(tmp_path / "decoded.wav", noise(1.0, 4), "WAV", "FLOAT")
    program = tmp_path / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text(FAKE_FFMPEG.format(python=sys.executable, wav=wav))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return program


def test_aac_needs_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "a.m4a"
    path.write_bytes(adts(50))
    assert code_of(lambda: probe(str(path))) == "needs_ffmpeg"


def test_aac_goes_through_ffmpeg(tmp_path: Path, fake_ffmpeg: Path) -> None:
    path = tmp_path / "-o: song; rm.aac"
    path.write_bytes(adts(43))
    info = probe(str(path))
    assert (info.format, info.sample_rate, info.is_lossy) == ("AAC", RATE, True)
    assert output_format(info).subtype == "PCM_24"
    out = str(tmp_path / "out" / "a.wav")
    assert decode_to(str(path), out).num_samples == RATE
    assert os.listdir(tmp_path / "out") == ["a.wav"]
    with pytest.raises(ValueError, match="decode_to"):
        AudioReader(str(path))


def test_what_ffmpeg_refuses(tmp_path: Path, fake_ffmpeg: Path) -> None:
    path = tmp_path / "broken.aac"
    path.write_bytes(adts(43))
    with pytest.raises(TrackError, match="moov atom not found") as caught:
        decode_to(str(path), str(tmp_path / "out" / "a.wav"))
    assert caught.value.code == "truncated"
    assert os.listdir(tmp_path / "out") == []


# Writing


def info_of(name: str, subtype: str, suffix: str, rate: int = RATE, num: int = 1000) -> AudioInfo:
    return AudioInfo(
        path=f"a{suffix}", format=name, subtype=subtype, sample_rate=rate, num_channels=2,
        num_samples=num,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("source", "wanted", "expected"),
    [
        (("WAV", "PCM_U8", ".WAV"), (None, None), ("WAV", "PCM_U8", ".WAV")),
        (("WAV", "DOUBLE", ".wav"), (None, None), ("WAV", "DOUBLE", ".wav")),
        (("WAVEX", "PCM_24", ".wav"), (None, None), ("WAVEX", "PCM_24", ".wav")),
        (("WAVEX", "PCM_24", ".wav"), ("wav", None), ("WAVEX", "PCM_24", ".wav")),
        (("AIFF", "PCM_16", ".aif"), (None, None), ("AIFF", "PCM_16", ".aif")),
        (("RF64", "PCM_24", ".wav"), (None, None), ("RF64", "PCM_24", ".wav")),
        (("MP3", "MPEG_LAYER_III", ".mp3"), (None, None), ("FLAC", "PCM_24", ".flac")),
        (("OGG", "OPUS", ".opus"), (None, None), ("FLAC", "PCM_24", ".flac")),
        (("OGG", "OPUS", ".opus"), ("ogg", None), ("OGG", "VORBIS", ".ogg")),
        (("WAV", "ULAW", ".wav"), (None, None), ("FLAC", "PCM_24", ".flac")),
        (("M4A", "ALAC_16", ".m4a"), (None, None), ("FLAC", "PCM_16", ".flac")),
        (("CAF", "ALAC_24", ".caf"), (None, None), ("CAF", "PCM_24", ".caf")),
        (("WAV", "FLOAT", ".wav"), ("flac", None), ("FLAC", "PCM_24", ".flac")),
        (("WAV", "PCM_U8", ".wav"), ("FLAC", None), ("FLAC", "PCM_S8", ".flac")),
        (("FLAC", "PCM_16", ".flac"), ("wav", "FLOAT"), ("WAV", "FLOAT", ".wav")),
        (("FLAC", "PCM_16", ".flac"), ("aiff", "PCM_24"), ("AIFF", "PCM_24", ".aiff")),
    ],
)  # fmt: skip
def test_output_formats(
    source: tuple[str, str, str],
    wanted: tuple[str | None, str | None],
    expected: tuple[str, str, str],
) -> None:
    made = output_format(info_of(*source), *wanted)
    assert (made.format, made.subtype, made.extension) == expected


@pytest.mark.parametrize(
    ("name", "wanted", "suffix"), [("WAV", "RF64", ".wav"), ("AIFF", "CAF", ".caf")]
)
def test_more_than_4_gib_gets_a_format_that_holds_it(name: str, wanted: str, suffix: str) -> None:
    made = output_format(info_of(name, "PCM_24", f".{name.lower()}", 96_000, 2**32 // 6))
    assert (made.format, made.extension) == (wanted, suffix)


@pytest.mark.parametrize(
    ("wanted", "subtype"),
    [("mp3", None), ("flac", "FLOAT"), ("flac", "PCM_32"), ("ogg", "PCM_16"), ("ogg", "opus")],
)
def test_impossible_pairs(wanted: str, subtype: str | None) -> None:
    with pytest.raises(SettingError, match="choose"):
        output_format(info_of("WAV", "PCM_16", ".wav"), wanted, subtype)


def test_rounding_is_to_the_grid_and_clipping_is_counted(tmp_path: Path) -> None:
    lsb = 2.0**-15
    x = np.array([[0.5 * lsb, 1.5 * lsb, -0.5 * lsb, 1.0, -1.0, 1.2, -1.3, 0.4999 * lsb]])
    with AudioWriter(str(tmp_path / "a.wav"), RATE, 1, form("WAV", "PCM_16")) as writer:
        writer.write(x.astype(np.float32))
    whole = load(str(tmp_path / "a.wav"))[0] / lsb
    assert whole.tolist() == [0, 2, 0, 32767, -32768, 32767, -32768, 0]
    assert writer.num_clipped == 2
    assert writer.num_samples == 8


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_sound_that_is_no_number_is_refused(tmp_path: Path, bad: float, subtype: str) -> None:
    x = np.array([[0.1, bad]], np.float32)
    assert code_of(lambda: store(tmp_path / "a", x, "WAV", subtype)) == "non_finite"
    assert os.listdir(tmp_path) == []


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")

    def stop_in_the_middle() -> None:
        with AudioWriter(str(path), RATE, 1, form("WAV", "PCM_16")) as writer:
            writer.write(noise(1.0, 1))
            assert path.read_bytes() == b"old"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_in_the_middle()
    assert os.listdir(tmp_path) == ["a.wav"]
    assert path.read_bytes() == b"old"


def test_the_same_sound_gives_the_same_bytes_at_another_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store(tmp_path / "a", noise(0.1), "WAV", "FLOAT")
    content = Path(path).read_bytes()
    peak = content.index(b"PEAK")
    assert content[peak + 12 : peak + 16] == bytes(4)
    assert np.array_equal(load(path), noise(0.1))


@contextmanager
def largest_file(num_bytes: int) -> Iterator[None]:
    """Writes beyond ``num_bytes`` fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("name", "subtype"),
    [("WAV", "PCM_16"), ("FLAC", "PCM_24"), ("AIFF", "PCM_24"), ("CAF", "PCM_16"),
     ("OGG", "VORBIS"), ("RF64", "FLOAT"), ("W64", "PCM_16")],
)  # fmt: skip
@pytest.mark.parametrize("missing", [1, 300, 5_000, 50_000])
def test_a_disk_that_is_full_at_any_moment(
    tmp_path: Path, name: str, subtype: str, missing: int
) -> None:
    x = noise(5.0 if name == "OGG" else 2.0)
    size = Path(store(tmp_path / "whole", x, name, subtype)).stat().st_size
    with largest_file(size - missing):
        code = code_of(lambda: store(tmp_path / "a", x, name, subtype))
    assert code == "disk_full"
    assert os.listdir(tmp_path) == ["whole"]


def test_a_full_tmpfs(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        code = code_of(lambda: store(disk / "a", noise(5.0), "FLAC", "PCM_24"))
        left = os.listdir(disk)
        store(disk / "b", noise(0.1), "FLAC", "PCM_24")
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert (code, left) == ("disk_full", [])


def test_rf64_by_itself(tmp_path: Path) -> None:
    path = store(tmp_path / "a.wav", noise(0.5), "RF64", "PCM_24")
    assert Path(path).read_bytes()[:4] == b"RF64"
    assert decode_all(path) == 22_050


def test_no_audio_library_is_imported_before_a_file_is_opened() -> None:
    code = "import sys, morphsep.audio, morphsep.dsp, morphsep.audio.tags; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"soundfile", "soxr", "scipy", "torch", "mutagen"} & set(done.stdout.split())
