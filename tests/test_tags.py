"""Tags and pictures go along; the samples do not notice."""

from __future__ import annotations

import base64
import shutil
import struct
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mutagen import id3
from mutagen.aiff import AIFF
from mutagen.apev2 import APEv2, APEValue
from mutagen.flac import FLAC, CueSheet, CueSheetTrack, Picture
from mutagen.mp4 import MP4, AtomDataType, MP4Cover, MP4FreeForm
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

from morphsep.audio import AudioWriter, OutputFormat, probe
from morphsep.audio.tags import CopiedTags, coding_line, copy_tags
from morphsep.audio.tags.fields import listed, why
from morphsep.audio.tags.mp4 import from_mp4
from tests import tag_files
from tests.tag_files import FORMATS, sound, with_chunks

LINE = "A=PCM,F=48000,W=16,M=mono,T=morphsep 1.0; morph"
COVER = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


def samples(path: Path) -> np.ndarray:
    return soundfile.read(str(path), dtype="int32")[0]


def copied(source: Path, target: Path) -> CopiedTags:
    return copy_tags(str(source), str(target), LINE)


def carried(source: Path, target: Path) -> Path:
    """``target`` with the tags of ``source``, without a warning and with its own samples."""
    before, info = samples(target), probe(str(target))
    assert copied(source, target).warning is None
    assert np.array_equal(samples(target), before)
    assert probe(str(target)) == info
    return target


def frames() -> list[id3.Frame]:
    return [
        id3.TIT2(encoding=3, text="Größe 🎸"),
        id3.TPE1(encoding=3, text=["Anna", "Bob"]),
        id3.TRCK(encoding=3, text="3/12"),
        id3.TDRC(encoding=3, text="1978-05-01"),
        id3.TCON(encoding=3, text="(17)"),
        id3.COMM(encoding=3, lang="eng", desc="", text="live"),
        id3.TXXX(encoding=3, desc="CATALOGNUMBER", text="X 1"),
        id3.APIC(encoding=3, mime="image/png", type=3, desc="front", data=COVER),
    ]


EXPECTED = {
    "title": ["Größe 🎸"],
    "artist": ["Anna", "Bob"],
    "tracknumber": ["3"],
    "tracktotal": ["12"],
    "date": ["1978-05-01"],
    "genre": ["Rock"],
    "comment": ["live"],
    "catalognumber": ["X 1"],
}


def tagged_mp3(folder: Path) -> Path:
    path = sound(folder / "in.mp3")
    tag = id3.ID3()
    for frame in frames():
        tag.add(frame)
    tag.save(path)
    return path


def tagged_flac(folder: Path) -> Path:
    path = sound(folder / "in.flac")
    flac = FLAC(path)
    flac.update(EXPECTED)
    flac.add_picture(picture())
    flac.save()
    return path


def tagged_chunks(kind: type[WAVE] | type[AIFF], suffix: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = sound(folder / f"in.{suffix}")
        file = kind(path)
        file.add_tags()
        for frame in frames():
            file.tags.add(frame)
        file.save()
        return path

    return make


def tagged_ogg(kind: type[OggVorbis] | type[OggOpus], suffix: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = sound(folder / f"in.{suffix}")
        ogg = kind(path)
        ogg.update(EXPECTED)
        ogg["metadata_block_picture"] = base64.b64encode(picture().write()).decode()
        ogg.save()
        return path

    return make


def picture() -> Picture:
    made = Picture()
    made.type, made.mime, made.desc, made.data = 3, "image/png", "front", COVER
    return made


SOURCES = {
    "mp3": tagged_mp3,
    "flac": tagged_flac,
    "wav": tagged_chunks(WAVE, "wav"),
    "aiff": tagged_chunks(AIFF, "aiff"),
    "ogg": tagged_ogg(OggVorbis, "ogg"),
    "opus": tagged_ogg(OggOpus, "opus"),
}


@pytest.mark.parametrize("source", SOURCES)
def test_anything_to_flac(tmp_path: Path, source: str) -> None:
    target = FLAC(carried(SOURCES[source](tmp_path), sound(tmp_path / "out.flac")))
    assert {name: target[name] for name in EXPECTED} == EXPECTED
    assert [(p.data, p.mime, p.type, p.desc) for p in target.pictures] == [
        (COVER, "image/png", 3, "front")
    ]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(("suffix", "kind"), [("wav", WAVE), ("aiff", AIFF)])
def test_anything_to_id3(tmp_path: Path, source: str, suffix: str, kind: type) -> None:
    path = carried(SOURCES[source](tmp_path), sound(tmp_path / f"out.{suffix}"))
    tag = kind(path).tags
    assert tag["TIT2"].text == EXPECTED["title"]
    assert tag["TPE1"].text == EXPECTED["artist"]
    assert tag["TRCK"].text == ["3/12"]
    assert str(tag["TDRC"]) == "1978-05-01"
    assert tag["TCON"].genres == ["Rock"]
    assert [frame.data for frame in tag.getall("APIC")] == [COVER]
    assert [str(frame) for frame in tag.getall("COMM")] == ["live"]


@pytest.mark.parametrize("source", SOURCES)
def test_anything_to_ogg(tmp_path: Path, source: str) -> None:
    ogg = OggVorbis(carried(SOURCES[source](tmp_path), sound(tmp_path / "out.ogg")))
    assert {name: ogg[name] for name in EXPECTED} == EXPECTED
    assert Picture(base64.b64decode(ogg["metadata_block_picture"][0])).data == COVER


def test_flac_keeps_its_cue_sheet(tmp_path: Path) -> None:
    source = tagged_flac(tmp_path)
    flac = FLAC(source)
    sheet = CueSheet(None)
    sheet.tracks.append(CueSheetTrack(1, 0))
    sheet.tracks.append(CueSheetTrack(170, 9_601))
    flac.cuesheet = sheet
    flac.metadata_blocks.append(sheet)
    flac.save()
    assert FLAC(source).cuesheet is not None
    assert FLAC(carried(source, sound(tmp_path / "out.flac"))).cuesheet.write() == sheet.write()


INFO = b"INFOINAM\x06\0\0\0Title\0IART\x04\0\0\0Bob\0"


@pytest.mark.parametrize("target", ["wav", "rf64"])
def test_wav_chunks_are_kept_verbatim(tmp_path: Path, target: str) -> None:
    chunks = {b"bext": b"B" * 600, b"cart": b"C" * 20, b"LIST": INFO, b"cue ": bytes(4)}
    source = with_chunks(sound(tmp_path / "in.wav"), list(chunks.items()))
    path = sound(tmp_path / f"out.{target}")
    assert "bext: it is too short" in str(copied(source, path).warning)
    content = path.read_bytes()
    for name, payload in chunks.items():
        assert name + struct.pack("<I", len(payload)) + payload in content
    size = struct.unpack("<Q", content[20:28])[0] if target == "rf64" else None
    assert (size or struct.unpack("<I", content[4:8])[0]) == len(content) - 8


def test_riff_info_goes_to_flac(tmp_path: Path) -> None:
    source = with_chunks(sound(tmp_path / "in.wav"), [(b"LIST", INFO)])
    target = FLAC(carried(source, sound(tmp_path / "out.flac")))
    assert (target["title"], target["artist"]) == (["Title"], ["Bob"])


def test_aiff_texts_are_kept(tmp_path: Path) -> None:
    texts = {b"NAME": b"Caf\xe9", b"AUTH": b"Bob"}
    source = with_chunks(sound(tmp_path / "in.aiff"), list(texts.items()), ">")
    assert b"NAME\0\0\0\4Caf\xe9" in carried(source, sound(tmp_path / "out.aiff")).read_bytes()
    target = FLAC(carried(source, sound(tmp_path / "out.flac")))
    assert (target["title"], target["artist"]) == (["Café"], ["Bob"])


def test_caf_holds_texts_but_no_pictures(tmp_path: Path) -> None:
    target = sound(tmp_path / "out.caf")
    warning = copied(tagged_mp3(tmp_path), target).warning
    assert warning == "picture 'front' of 0.0 MiB: a CAF holds no pictures"
    assert soundfile.SoundFile(target).title == "Größe 🎸"
    again = carried(target, sound(tmp_path / "again.caf"))
    assert FLAC(carried(again, sound(tmp_path / "out.flac")))["title"] == ["Größe 🎸"]


def test_w64_holds_none(tmp_path: Path) -> None:
    target = sound(tmp_path / "out.w64")
    before = target.read_bytes()
    assert "title, artist, " in str(copied(tagged_mp3(tmp_path), target).warning)
    assert target.read_bytes() == before


def test_mp4_fields() -> None:
    """As mutagen reads them out of an m4a."""
    mp4 = {
        "\xa9nam": ["Title"], "\xa9ART": ["Anna", "Bob"], "trkn": [(3, 12)], "tmpo": [120],
        "----:com.apple.iTunes:ISRC": [MP4FreeForm(b"X1", AtomDataType.UTF8)],
        "covr": [MP4Cover(COVER, MP4Cover.FORMAT_PNG)], "cpil": True,
    }  # fmt: skip
    tags = from_mp4(mp4)
    assert tags.fields == {
        "title": ["Title"], "artist": ["Anna", "Bob"], "tracknumber": ["3"], "tracktotal": ["12"],
        "bpm": ["120"], "isrc": ["X1"], "compilation": ["1"],
    }  # fmt: skip
    assert (tags.pictures[0].data, tags.pictures[0].mime) == (COVER, "image/png")


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_without_tags_changes_nothing(tmp_path: Path, suffix: str) -> None:
    target = sound(tmp_path / "out.flac")
    before = target.read_bytes()
    carried(sound(tmp_path / f"in.{suffix}"), target)
    assert "title" not in FLAC(target)
    if suffix not in ("ogg", "opus", "flac", "mp3", "caf"):
        assert target.read_bytes() == before


def test_damaged_tags_are_a_warning_and_no_harm(tmp_path: Path) -> None:
    source = tagged_mp3(tmp_path)
    content = bytearray(source.read_bytes())
    content[3] = 99
    source.write_bytes(content)
    target = sound(tmp_path / "out.flac")
    before = target.read_bytes()
    assert copied(source, target).warning == "ID3 tag: version 2.99 is not known"
    assert target.read_bytes() == before
    assert "all tags: " in str(copied(tmp_path / "gone.mp3", target).warning)


def test_a_writer_copies_tags_before_the_file_appears(tmp_path: Path) -> None:
    form = OutputFormat(format="FLAC", subtype="PCM_24", extension=".flac")
    path = tmp_path / "out.flac"
    with AudioWriter(str(path), 48_000, 1, form, tags_from=str(tagged_mp3(tmp_path))) as writer:
        writer.write(np.zeros((1, 1000)))
    assert writer.tags == CopiedTags()
    assert FLAC(path)["title"] == EXPECTED["title"]
    with AudioWriter(str(path), 48_000, 1, form, tags_from=str(tmp_path / "gone")) as writer:
        writer.write(np.zeros((1, 1000)))
    assert "all tags: " in str(writer.tags.warning)
    assert probe(str(path)).num_samples == 1000


HISTORY = b"A=ANALOGUE,M=mono,T=Studer A80\r\nA=PCM,F=96000,W=24,M=mono,T=Prism"


@pytest.mark.parametrize("source", ["wav", "rf64"])
@pytest.mark.parametrize("ending", [b"", b"\r\n", b"\0\0\0"])
def test_the_coding_history_goes_on(tmp_path: Path, source: str, ending: bytes) -> None:
    payload = tag_files.bext(HISTORY + ending)
    path = tag_files.sound(tmp_path / f"in.{source}")
    if source == "wav":
        with_chunks(path, [(b"bext", payload), (b"LIST", INFO)])
    else:
        append_to_rf64(path, [(b"bext", payload), (b"LIST", INFO)])
    content = carried(path, sound(tmp_path / f"out.{source}")).read_bytes()
    whole = HISTORY + b"\r\n" + LINE.encode() + b"\r\n"
    assert b"bext" + struct.pack("<I", 602 + len(whole)) + payload[:602] + whole in content
    assert INFO in content


def append_to_rf64(path: Path, chunks: list[tuple[bytes, bytes]]) -> None:
    content = path.read_bytes()
    content += bytes(len(content) % 2)
    for name, payload in chunks:
        content += name + struct.pack("<I", len(payload)) + payload + bytes(len(payload) % 2)
    path.write_bytes(content[:20] + struct.pack("<Q", len(content) - 8) + content[28:])


def test_the_loudness_of_the_old_sound_is_unstated(tmp_path: Path) -> None:
    stated = tag_files.bext(b"", struct.pack("<5h", -2300, 500, -100, 11, 12))
    source = with_chunks(sound(tmp_path / "in.wav"), [(b"bext", stated)])
    target = sound(tmp_path / "out.wav")
    assert copied(source, target).note == "bext loudness"
    start = target.read_bytes().index(b"bext") + 8
    assert target.read_bytes()[start + 412 : start + 422] == b"\xff\x7f" * 5
    version_1 = stated[:346] + b"\1\0" + stated[348:]
    source = with_chunks(sound(tmp_path / "old.wav"), [(b"bext", version_1)])
    assert copied(source, sound(tmp_path / "out.wav")).note is None


@pytest.mark.parametrize(
    ("subtype", "channels", "line"),
    [
        ("PCM_24", 2, "A=PCM,F=96000,W=24,M=stereo,T=morphsep {}; morph"),
        ("FLOAT", 1, "A=PCM,F=96000,W=32,M=mono,T=morphsep {}; morph"),
        ("VORBIS", 6, "A=VORBIS,F=96000,M=multichannel,T=morphsep {}; morph"),
    ],
)
def test_a_line_of_coding_history(subtype: str, channels: int, line: str) -> None:
    assert coding_line(96_000, channels, subtype, "morph") == line.format(version("morphsep"))


def test_of_two_tags_the_first_comes_first_and_a_difference_is_named(tmp_path: Path) -> None:
    source = tagged_mp3(tmp_path)
    tag = APEv2()
    tag["Title"], tag["Mood"] = "Another", "mellow"
    tag.save(source)
    source.write_bytes(source.read_bytes() + tag_files.id3v1("Gr??e, cut"))
    target = sound(tmp_path / "out.flac")
    said = copied(source, target)
    assert said.warning == "APEv2 title: another tag of the file says otherwise"
    assert (FLAC(target)["title"], FLAC(target)["mood"]) == (["Größe 🎸"], ["mellow"])
    wav = sound(tmp_path / "out.wav")
    assert copied(source, wav) == said
    assert WAVE(wav).tags["TMOO"].text == ["mellow"]


def test_an_apev2_cover_joins_an_id3_tag_without_one(tmp_path: Path) -> None:
    source = sound(tmp_path / "in.mp3")
    tag = id3.ID3()
    tag.add(id3.TIT2(encoding=3, text="Title"))
    tag.save(source)
    ape = APEv2()
    ape["Cover Art (Front)"] = APEValue(b"front.png\0" + COVER, 1)
    ape.save(source)
    target = WAVE(carried(source, sound(tmp_path / "out.wav")))
    assert [frame.data for frame in target.tags.getall("APIC")] == [COVER]


def test_comments_beyond_a_flacs_block_are_left_out_alone(tmp_path: Path) -> None:
    source = tag_files.mp4(tmp_path / "in.m4a")
    file = MP4(source)
    file.add_tags()
    file["\xa9nam"], file[tag_files.freeform("large")] = ["Title"], [MP4FreeForm(b"x" * 2**24)]
    file.save()
    target = sound(tmp_path / "out.flac")
    assert str(copied(source, target).warning).startswith("large: ")
    assert FLAC(target)["title"] == ["Title"]


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_chunk_that_is_too_large_is_left_out_alone(tmp_path: Path, suffix: str) -> None:
    source = with_chunks(sound(tmp_path / "in.wav"), [(b"LIST", INFO)])
    content = source.read_bytes()
    with source.open("r+b") as file:
        file.seek(len(content))
        file.write(b"big " + struct.pack("<I", 2**26 + 2))
        file.truncate(len(content) + 8 + 2**26 + 2)
        file.seek(4)
        file.write(struct.pack("<I", len(content) + 2**26 + 2))
    target = sound(tmp_path / f"out.{suffix}")
    assert copied(source, target).left_out == (("chunk big", "it is larger than 64 MiB"),)
    assert b"Title" in target.read_bytes()


def test_a_tag_is_dropped_from_the_chunk_and_the_rest_is_verbatim(tmp_path: Path) -> None:
    source = sound(tmp_path / "in.wav")
    file = WAVE(source)
    file.add_tags()
    kept = [id3.PRIV(owner="me", data=b"\0\xff"), id3.TIT2(encoding=1, text="Title")]
    for frame in (*kept, id3.TXXX(encoding=3, desc="replaygain_album_peak", text="0.9")):
        file.tags.add(frame)
    file.save()
    target = sound(tmp_path / "out.wav")
    assert copied(source, target) == CopiedTags(outdated=("replaygain_album_peak",))
    assert sorted(WAVE(target).tags.values(), key=repr) == sorted(kept, key=repr)


def test_a_reason_is_never_empty_and_names_stay_in_one_line() -> None:
    left_out = [("a\nb\x1b", "why\n"), ("c", why(ValueError())), ("c", "ValueError")]
    assert listed(left_out) == "a\\nb\\x1b: why\\n; c (2 times): ValueError"
    assert listed([]) is None
    assert str(listed([("x" * 1000, "y")])).endswith("...: y")


def joined(path: Path, parts: list[Path]) -> Path:
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


@pytest.mark.parametrize(("kind", "suffix"), [(OggVorbis, "ogg"), (OggOpus, "opus")])
def test_tags_of_later_links_are_named(tmp_path: Path, kind: type, suffix: str) -> None:
    parts = []
    for number, fields in enumerate(
        [{"title": "One", "artist": "Anna"}, {"title": "Two", "artist": "Anna"}, {}]
    ):
        path = sound(tmp_path / f"{number}.{suffix}")
        file = kind(path)
        file.delete()
        file.update(fields)
        file.save()
        parts.append(path)
    target = sound(tmp_path / "out.flac")
    said = copied(joined(tmp_path / f"in.{suffix}", parts), target)
    assert said.left_out == (("title of part 2", "a result has the tags of the first part"),)
    assert (FLAC(target)["title"], FLAC(target)["artist"]) == (["One"], ["Anna"])


def test_tags_of_joined_mp3s_are_named(tmp_path: Path) -> None:
    parts = []
    for title in ("One", "Two"):
        path = sound(tmp_path / f"{title}.mp3")
        tag = id3.ID3()
        tag.add(id3.TIT2(encoding=3, text=title))
        tag.add(id3.TPE1(encoding=3, text="Anna"))
        tag.save(path)
        parts.append(path)
    target = sound(tmp_path / "out.wav")
    said = copied(joined(tmp_path / "in.mp3", parts), target)
    assert said.warning == "title of part 2: a result has the tags of the first part"
    assert WAVE(target).tags["TIT2"].text == ["One"]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg")
@pytest.mark.parametrize("suffix", ["mka", "avi"])
def test_what_only_ffmpeg_reads_keeps_its_tags(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / f"in.{suffix}"
    asked = ["-metadata", "title=Größe", "-metadata", "artist=Anna", "-c:a", "pcm_s16le"]
    command = ["ffmpeg", "-v", "error", "-i", sound(tmp_path / "in.wav"), *asked, source]
    subprocess.run([str(each) for each in command], check=True)
    target = sound(tmp_path / "out.flac")
    assert copied(source, target).warning is None
    assert (FLAC(target)["title"], FLAC(target)["artist"]) == (["Größe"], ["Anna"])


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg")
def test_chapters_and_attachments_of_a_matroska_file(tmp_path: Path) -> None:
    source, chapters = tmp_path / "in.mka", tmp_path / "chapters.txt"
    chapters.write_text(
        ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=50\nEND=150\ntitle=verse\n"
    )
    (tmp_path / "cover.png").write_bytes(COVER)
    command = [
        "ffmpeg", "-v", "error", "-i", sound(tmp_path / "in.wav"), "-i", chapters,
        "-map", "0:a", "-map_chapters", "1", "-attach", tmp_path / "cover.png",
        "-metadata:s:t", "mimetype=image/png", source,
    ]  # fmt: skip
    subprocess.run([str(each) for each in command], check=True)
    target = sound(tmp_path / "out.flac")
    said = copied(source, target)
    assert said.left_out == (("attachment cover.png", "attachments are not read"),)
    flac = FLAC(target)
    assert (flac["chapter001"], flac["chapter001name"]) == (["00:00:00.050"], ["verse"])


def test_without_ffprobe_the_reason_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    source = tmp_path / "in.mka"
    source.write_bytes(bytes.fromhex("1a45dfa3") + bytes(100))
    warning = str(copied(source, sound(tmp_path / "out.flac")).warning)
    assert warning.startswith("tags: in.mka (matroska) needs the program ffprobe")


@pytest.mark.parametrize("rate", [b"\xff" * 10, b"\x7f\xfe" + b"\xff" * 8, bytes(10), b"\x40"])
def test_a_header_that_says_what_no_rate_is_costs_no_tags(rate: bytes, tmp_path: Path) -> None:
    """Found by bytes at random: a rate that no number holds lost all tags of an AIFF."""
    source = tmp_path / "a.aiff"
    source.write_bytes(b"FORM\0\0\0\4AIFF")
    with_chunks(source, [(b"COMM", struct.pack(">hLh", 1, 0, 16) + rate), (b"NAME", b"Song")], ">")
    target = sound(tmp_path / "b.flac")
    assert copied(source, target).left_out == ()
    assert FLAC(target)["title"] == ["Song"]
