"""Files with more in them than one recording: all of it is read, or the file is refused."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import soundfile

from morphsep.audio import AudioReader, blocks, decode_to, probe, probe_open
from morphsep.audio.containers import boxes, ends, flac, ogg
from morphsep.audio.containers.splice import Spliced
from morphsep.errors import TrackError

RATE = 44_100
SECONDS = 1.0
SLACK = 0.06
"""Seconds of coder delay and padding, at each joint."""
ID3V1 = b"TAG" + b"t" * 125
ID3V2 = b"ID3\x03\0\0\0\0\x07\x68" + bytes(1000)
PICTURE = b"ID3\x04\0\0\0\x08\0\0" + bytes(range(256)) * 512
APE = b"APETAGEX" + b"\xd0\x07\0\0" + (900).to_bytes(4, "little") + bytes(16) + b"k" * 900
WRONG_ID3 = b"ID3\x03\0\0\x7f\x7f\x7f\x7f" + b"x" * 500
TAGS = {
    "none": b"", "id3v1": ID3V1, "id3v2": ID3V2, "picture": PICTURE, "ape": APE,
    "all": ID3V1 + APE + ID3V2, "junk": b"\x93\xff\x12" * 30_000, "wrong size": WRONG_ID3,
}  # fmt: skip
FORMS = {
    "wav": ("WAV", "PCM_16"), "flac": ("FLAC", "PCM_16"), "aiff": ("AIFF", "PCM_16"),
    "caf": ("CAF", "PCM_16"), "w64": ("W64", "PCM_16"), "rf64": ("RF64", "PCM_16"),
    "au": ("AU", "PCM_16"), "mp3": ("MP3", "MPEG_LAYER_III"), "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
}  # fmt: skip
FFMPEG = shutil.which("ffmpeg")
needs_ffmpeg = pytest.mark.skipif(
    not (FFMPEG and shutil.which("ffprobe")), reason="ffmpeg and ffprobe are not installed"
)


@cache
def content(name: str, pitch: float = 440, rate: int = RATE, channels: int = 2) -> bytes:
    """A sound file's bytes."""
    file_format, subtype = FORMS[name]
    rate = 48_000 if name == "opus" else rate
    t = np.arange(round(SECONDS * rate)) / rate
    x = np.tile(0.3 * np.sin(2 * np.pi * pitch * t), (channels, 1)).T
    with TemporaryDirectory() as folder:
        path = Path(folder, "made")
        soundfile.write(path, x, rate, format=file_format, subtype=subtype)
        return path.read_bytes()


def written(path: Path, *parts: bytes) -> str:
    path.write_bytes(b"".join(parts))
    return str(path)


def seconds(path: str, scratch: Path) -> float:
    """Length of a whole file, decoded."""
    decoded = decode_to(path, str(scratch / "decoded.wav"))
    return decoded.duration


def refused(path: str, scratch: Path) -> str:
    with pytest.raises(TrackError) as caught:
        decode_to(path, str(scratch / "decoded.wav"))
    assert caught.value.code == "truncated"
    return caught.value.message


def by_ffmpeg(path: str, rate: int = RATE, channels: int = 2) -> float:
    assert FFMPEG
    command = [FFMPEG, "-nostdin", "-v", "quiet", "-i", path, "-map", "0:a:0", "-f", "s16le", "-"]
    done = subprocess.run(command, capture_output=True, check=False)
    return len(done.stdout) / 2 / channels / rate


# Read whole


@pytest.mark.parametrize("between", TAGS.values(), ids=TAGS)
def test_joined_mp3_is_read_whole(tmp_path: Path, between: bytes) -> None:
    a, b = content("mp3"), content("mp3", 880)
    for after in (b"", ID3V1, APE + ID3V1):
        path = written(tmp_path / "x.mp3", ID3V2, a, between, b, between, a, after)
        assert 3 * SECONDS <= seconds(path, tmp_path) < 3 * (SECONDS + SLACK)
        if FFMPEG:
            assert seconds(path, tmp_path) == pytest.approx(by_ffmpeg(path), abs=3 * SLACK)
    note = "3 parts, read one after the other"
    if between == TAGS["junk"]:
        note += f"; 180000 bytes from byte {len(ID3V2 + a)} on are neither frames nor tags"
    assert probe(path).note == ("" if between == b"" else note)


@pytest.mark.parametrize("name", ["ogg", "opus"])
def test_chained_ogg_is_read_whole(tmp_path: Path, name: str) -> None:
    rate = 48_000 if name == "opus" else RATE
    a, b = content(name, 440, rate), content(name, 880, rate)
    for tail in (b"", ID3V1, bytes(5000), b"junk" * 100):
        path = written(tmp_path / "x.ogg", a, b, a, tail)
        assert probe(path).note == "3 parts, read one after the other"
        decode_to(path, str(tmp_path / "decoded.wav"))
        with AudioReader(str(tmp_path / "decoded.wav")) as reader:
            assert reader.info.num_samples == 3 * rate
            found = reader.read(0, 3 * rate)[0]
        for part, pitch in enumerate((440, 880, 440)):
            middle = found[part * rate + 5000 :][:20_000]
            spectrum = np.abs(np.fft.rfft(middle))
            assert abs(int(spectrum.argmax()) * rate / 20_000 - pitch) < 5


def test_streams_side_by_side_are_read_by_the_first(tmp_path: Path) -> None:
    a, b = content("ogg"), content("ogg", 880)
    for data in (a, b):
        sound = ogg.read_chain(data).links[0].sound
        assert sound is not None
        assert sound.pieces == sound.spans == [(0, len(data))]
    b = with_serial(b, 77)
    head_a, head_b = first_page_end(a), first_page_end(b)
    path = written(tmp_path / "x.ogg", a[:head_a], b[:head_b], a[head_a:], b[head_b:])
    assert probe(path).note == "the first of 2 sound tracks"
    decode_to(path, str(tmp_path / "x.wav"))
    decode_to(written(tmp_path / "a.ogg", a), str(tmp_path / "a.wav"))
    assert (tmp_path / "x.wav").read_bytes() == (tmp_path / "a.wav").read_bytes()


def first_page_end(data: bytes) -> int:
    return data.index(b"OggS", 4)


def with_serial(data: bytes, serial: int) -> bytes:
    """The pages with another serial number and its checksum (RFC 3533)."""
    pages = bytearray(data)
    position = 0
    while (position := pages.find(b"OggS", position)) >= 0:
        end = pages.find(b"OggS", position + 4)
        end = len(pages) if end < 0 else end
        pages[position + 14 : position + 18] = serial.to_bytes(4, "little")
        pages[position + 22 : position + 26] = bytes(4)
        pages[position + 22 : position + 26] = ogg_crc(bytes(pages[position:end])).to_bytes(
            4, "little"
        )
        position = end
    return bytes(pages)


def ogg_crc(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


@pytest.mark.parametrize("name", FORMS)
def test_a_tag_of_an_mp3_in_front_of_anything(tmp_path: Path, name: str) -> None:
    plain = content(name)
    path = written(tmp_path / "x", ID3V2, plain)
    alone = written(tmp_path / "y", plain)
    assert seconds(path, tmp_path) == seconds(alone, tmp_path)


def test_an_au_ends_where_its_header_says(tmp_path: Path) -> None:
    a = content("au")
    for tail in (b"", ID3V1, bytes(200_000), PICTURE):
        assert seconds(written(tmp_path / "x.au", a, tail), tmp_path) == SECONDS
    endless = a[:8] + b"\xff" * 4 + a[12:]
    assert seconds(written(tmp_path / "x.au", endless), tmp_path) == SECONDS
    refused(written(tmp_path / "x.au", a[:-1000]), tmp_path)


# Refused


@pytest.mark.parametrize("second", FORMS)
@pytest.mark.parametrize("first", [name for name in FORMS if name not in ("ogg", "opus", "mp3")])
def test_a_second_file_behind_a_lossless_one(tmp_path: Path, first: str, second: str) -> None:
    a, b = content(first), content(second)
    for between in (b"", ID3V1, bytes(1000)):
        message = refused(written(tmp_path / "x", a, between, b), tmp_path)
        assert "x: " in message
        assert "begins at byte" in message or "more follow" in message


@pytest.mark.parametrize("second", FORMS)
@pytest.mark.parametrize("first", ["ogg", "opus", "mp3"])
def test_a_second_file_of_another_kind(tmp_path: Path, first: str, second: str) -> None:
    if first == second:
        return
    a, b = content(first, rate=48_000), content(second, rate=48_000)
    message = refused(written(tmp_path / "x", a, ID3V1, b), tmp_path)
    assert f"byte {len(a)}" in message or f"byte {len(a) + len(ID3V1)}" in message


@pytest.mark.parametrize("name", ["mp3", "ogg"])
@pytest.mark.parametrize(("rate", "channels"), [(48_000, 2), (RATE, 1)])
def test_parts_that_differ(tmp_path: Path, name: str, rate: int, channels: int) -> None:
    a, b = content(name), content(name, 440, rate, channels)
    message = refused(written(tmp_path / "x", a, b), tmp_path)
    assert f"up to byte {len(a)}" in message
    assert f"{rate} Hz, {channels} channel(s)" in message


def test_a_cut_page_is_found_wherever_it_lies(tmp_path: Path) -> None:
    a, b = content("ogg"), content("ogg", 880)
    for parts in ((a[:-200],), (a[:-200], b), (a, b[:-200]), (a, b"OggS\0"), (a, b[:40])):
        assert "is cut off" in refused(written(tmp_path / "y.ogg", *parts), tmp_path)


def test_flac_with_large_tags_behind_it(tmp_path: Path) -> None:
    a = content("flac")
    for tail in (PICTURE * 5, bytes(2**20), ID3V1):
        path = written(tmp_path / "x.flac", a, tail)
        assert seconds(path, tmp_path) == SECONDS
        assert probe(path).num_samples == RATE


@pytest.mark.parametrize("name", ["ogg", "opus"])
def test_the_length_of_a_remote_chain_is_no_nonsense(tmp_path: Path, name: str) -> None:
    a, b = content(name), content(name, 880)
    assert probe_open(io.BytesIO(a), "x").duration == SECONDS
    assert probe_open(io.BytesIO(a + b), "x").duration < 3600


# The pieces


def test_spliced_reads_across_its_pieces(tmp_path: Path) -> None:
    path = written(tmp_path / "x", bytes(range(200)))
    with open(path, "rb") as file:
        spliced = Spliced(file, b"abc", (10, 20), b"", (190, 200))
        whole = b"abc" + bytes(range(10, 20)) + bytes(range(190, 200))
        assert spliced.read() == whole
        for start in range(len(whole)):
            spliced.seek(start)
            assert spliced.read(7) == whole[start : start + 7]


@pytest.mark.parametrize("name", ["wav", "aiff", "caf", "w64"])
def test_a_little_sound_behind_the_claimed_is_told_from_junk(tmp_path: Path, name: str) -> None:
    size = 20_000
    data = content(name)
    claimed = {"wav": "<I", "aiff": ">I", "caf": ">q", "w64": "<q"}[name]
    word = b"SSND" if name == "aiff" else b"data"
    field = data.index(word) + (16 if name == "w64" else 4)
    (true,) = struct.unpack_from(claimed, data, field)
    less = struct.pack(claimed, true - size)
    short = data[:field] + less + data[field + len(less) :]
    assert "more follow" in refused(written(tmp_path / "x", short), tmp_path)
    junk = np.random.default_rng(0).bytes(size)
    written_junk = written(tmp_path / "x", short[:-size], junk)
    assert seconds(written_junk, tmp_path) < SECONDS


def test_a_caf_that_claims_a_part_of_its_last_sample(tmp_path: Path) -> None:
    data = content("caf")
    field = data.index(b"data") + 4
    (true,) = struct.unpack_from(">q", data, field)
    for less in (1, 3):
        short = data[:field] + struct.pack(">q", true - less) + data[field + 8 :]
        assert "more follow" in refused(written(tmp_path / "x", short), tmp_path)
        ended = written(tmp_path / "x", short[:-less])
        assert seconds(ended, tmp_path) == pytest.approx(SECONDS, abs=2 / RATE)


def test_where_flac_frames_begin(tmp_path: Path) -> None:
    path = written(tmp_path / "x.flac", content("flac"))
    with open(path, "rb") as file:
        start = flac.frames_start(file, 0)
        file.seek(start)
        assert file.read(2) == b"\xff\xf8"
        last = flac.last_frame(file, 0)
    assert last is not None
    assert last[1] == RATE


def box(name: bytes, *inside: bytes) -> bytes:
    body = b"".join(inside)
    return (len(body) + 8).to_bytes(4, "big") + name + body


def test_tracks_and_second_files_of_mp4(tmp_path: Path) -> None:
    def trak(kind: bytes) -> bytes:
        return box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), kind, bytes(12))))

    movie = box(b"ftyp", b"M4A ", bytes(4)) + box(b"moov", trak(b"vide"), trak(b"soun"))
    with open(written(tmp_path / "x", movie, box(b"mdat", bytes(100)), bytes(7)), "rb") as file:
        assert boxes.read_movie(file) == boxes.Movie(1, 1, None, len(movie) + 108)
    with open(written(tmp_path / "x", movie, movie), "rb") as file:
        assert boxes.read_movie(file).second == len(movie)
        assert ends.recording_end(file, "M4A", 0) == len(movie)


# ffmpeg's


CODERS = {
    "m4a": ["-c:a", "aac"], "aac": ["-c:a", "aac", "-f", "adts"], "mp2": ["-c:a", "mp2"],
    "wma": ["-c:a", "wmav2"], "wv": ["-c:a", "wavpack"], "tta": ["-c:a", "tta"],
    "mka": ["-c:a", "flac"], "oga": ["-c:a", "flac", "-f", "ogg"], "mov": ["-c:a", "alac"],
}  # fmt: skip


def encoded(folder: Path, name: str, rate: int = RATE) -> bytes:
    assert FFMPEG
    (folder / "source.wav").write_bytes(content("wav", rate=rate))
    path = folder / f"encoded.{name}"
    source = ["-i", str(folder / "source.wav")]
    subprocess.run(
        [FFMPEG, "-nostdin", "-v", "error", "-y", *source, *CODERS[name], str(path)], check=True
    )
    return path.read_bytes()


@needs_ffmpeg
@pytest.mark.parametrize("name", CODERS)
def test_what_ffmpeg_reads_is_read_whole_or_refused(tmp_path: Path, name: str) -> None:
    a, other = encoded(tmp_path, name), encoded(tmp_path, name, 48_000)
    alone = written(tmp_path / "x", a)
    assert seconds(alone, tmp_path) == pytest.approx(by_ffmpeg(alone), abs=1e-3)
    assert seconds(alone, tmp_path) >= SECONDS - 0.05
    for tail in (ID3V1, bytes(4000)):
        path = written(tmp_path / "x", a, tail)
        assert seconds(path, tmp_path) == pytest.approx(by_ffmpeg(alone), abs=1e-3)
    twice = written(tmp_path / "x", a, a)
    if name in ("aac", "mp2", "oga"):
        assert seconds(twice, tmp_path) == pytest.approx(by_ffmpeg(twice), abs=2 * SLACK)
        assert by_ffmpeg(twice) > 1.9 * SECONDS
    else:
        assert "begins at byte" in refused(twice, tmp_path)
    assert "at byte" in refused(written(tmp_path / "x", a, content("wav")), tmp_path)
    assert "byte" in refused(written(tmp_path / "x", a, other), tmp_path)


@needs_ffmpeg
@pytest.mark.parametrize("name", ["mp4", "mkv", "avi"])
def test_the_first_sound_track_of_a_film(tmp_path: Path, name: str) -> None:
    assert FFMPEG
    for track, pitch in enumerate((440, 880)):
        (tmp_path / f"{track}.wav").write_bytes(content("wav", pitch))
    picture = ["-f", "lavfi", "-i", "testsrc=duration=1:size=32x32"]
    sounds = [word for track in (0, 1) for word in ("-i", str(tmp_path / f"{track}.wav"))]
    maps = ["-map", "0", "-map", "1", "-map", "2"]
    path = str(tmp_path / f"x.{name}")
    subprocess.run([FFMPEG, "-v", "error", *picture, *sounds, *maps, path], check=True)
    assert probe(path).note == "the first of 2 sound tracks"
    decode_to(path, str(tmp_path / "x.wav"))
    with AudioReader(str(tmp_path / "x.wav")) as reader:
        found = np.concatenate(list(blocks(reader, 10_000)), axis=1)[0]
    spectrum = np.abs(np.fft.rfft(found[10_000:30_000]))
    assert abs(int(spectrum.argmax()) * RATE / 20_000 - 440) < 5


@needs_ffmpeg
def test_a_film_with_one_sound_track_says_so(tmp_path: Path) -> None:
    assert FFMPEG
    (tmp_path / "a.wav").write_bytes(content("wav"))
    picture = ["-f", "lavfi", "-i", "testsrc=duration=1:size=32x32"]
    for name, note in (("film.mp4", "the sound track of a film"), ("film.mkv",) * 2):
        path = str(tmp_path / name)
        sound = ["-i", str(tmp_path / "a.wav")]
        subprocess.run([FFMPEG, "-v", "error", *picture, *sound, path], check=True)
        assert probe(path).note == ("the sound track of a film" if note else "")


@needs_ffmpeg
@pytest.mark.parametrize("name", ["x.mpg", "x.ts"])
def test_packets_of_a_program_are_not_taken_for_frames(tmp_path: Path, name: str) -> None:
    assert FFMPEG
    (tmp_path / "a.wav").write_bytes(content("wav"))
    path = str(tmp_path / name)
    sound = ["-i", str(tmp_path / "a.wav"), "-c:a", "mp2"]
    subprocess.run([FFMPEG, "-v", "error", *sound, path], check=True)
    assert seconds(path, tmp_path) == pytest.approx(by_ffmpeg(path), abs=1e-3)
    assert seconds(path, tmp_path) >= SECONDS - 0.05


@needs_ffmpeg
def test_what_ffmpeg_leaves_out_is_said(tmp_path: Path) -> None:
    data = bytearray(encoded(tmp_path, "mka"))
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    assert "cannot decode all of it" in refused(written(tmp_path / "x", bytes(data)), tmp_path)


@needs_ffmpeg
def test_alac_of_quicktime_keeps_its_24_bits(tmp_path: Path) -> None:
    assert FFMPEG
    (tmp_path / "a.wav").write_bytes(content("wav"))
    sound = ["-i", str(tmp_path / "a.wav"), "-c:a", "alac", "-sample_fmt", "s32p"]
    subprocess.run([FFMPEG, "-v", "error", *sound, str(tmp_path / "x.mov")], check=True)
    assert probe(str(tmp_path / "x.mov")).subtype == "ALAC_24"


def test_without_ffmpeg_a_row_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    beginnings = {
        "wv": b"wvpk", "ape": b"MAC \x96\x0f", "tta": b"TTA1", "dsf": b"DSD ",
        "mka": b"\x1aE\xdf\xa3", "m4a": b"\0\0\0\x20ftypM4A ", "mpg": b"\0\0\x01\xba",
        "ts": (b"G" + bytes(187)) * 3,
    }  # fmt: skip
    for name, sign in beginnings.items():
        with pytest.raises(TrackError, match=r"needs the program ffmpeg.*install it") as caught:
            probe(written(tmp_path / f"x.{name}", sign, bytes(100)))
        assert caught.value.code == "needs_ffmpeg"
