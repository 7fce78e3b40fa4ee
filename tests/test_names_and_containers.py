"""Runs over files that are not what they seem: names say what is inside, nothing is passed over."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from morphsep import audio, manifest
from morphsep.audio.containers import chunks
from morphsep.errors import SettingError, TrackError
from morphsep.manifest.rows import TrackRow
from morphsep.pipelines import REPROCESS
from morphsep.request.inputs import collect
from morphsep.request.settings import Settings, make_settings
from morphsep.request.unread import Unread
from morphsep.run import settle_jobs
from morphsep.run.driver import run
from morphsep.run.verification import verify
from morphsep.stages.output import output_of
from morphsep.stages.workspace import Workspace
from morphsep.storage import files, location
from tests.commands import invoke

RATE = 44_100
CONTENTS = {
    "wav": ("WAV", "PCM_24"), "flac": ("FLAC", "PCM_24"), "aiff": ("AIFF", "PCM_24"),
    "caf": ("CAF", "PCM_24"), "w64": ("W64", "PCM_24"), "ogg": ("OGG", "VORBIS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}  # fmt: skip


def sound(path: Path, name: str, seconds: float = 1.0, channels: int = 2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    file_format, subtype = CONTENTS[name]
    x = np.random.default_rng(0).standard_normal((round(seconds * RATE), channels)) * 0.1
    soundfile.write(path, x, RATE, format=file_format, subtype=subtype)
    return path


def go(folder: Path, *inputs: Path, **settings: object) -> dict[str, TrackRow]:
    """Rows of a run that `verify` finds nothing wrong with, by the inputs' names."""
    out = folder / "out"
    made = make_settings(**{"to": "fuzz", "separator": "none"} | settings)
    jobs = collect([str(each) for each in inputs or [folder / "in"]], out, made)
    run(settle_jobs(jobs), out, REPROCESS)
    assert verify(out)[1] == []
    return {Path(row.input).name: row for row in manifest.read_tracks(out)}


def is_named_right(out: Path, row: TrackRow) -> bool:
    assert row.output
    suffix = {"OGG": (".ogg", ".oga"), "AIFF": (".aiff", ".aif")}
    written = audio.probe(str(out / row.output)).format
    return Path(row.output).suffix in suffix.get(written, (f".{written.lower()}",))


def test_a_name_that_lies_about_its_content(tmp_path: Path) -> None:
    for name in CONTENTS:
        for content in CONTENTS:
            sound(tmp_path / "in" / f"{name}-{content}.{name}", content, 0.2)
    rows = go(tmp_path)
    assert {row.status for row in rows.values()} == {"ok"}, [r.message for r in rows.values()]
    for name, row in rows.items():
        assert is_named_right(tmp_path / "out", row), (name, row.output, row.output_format)


@pytest.mark.parametrize("wanted", ["ogg", "flac", "aiff", "caf", "w64", "wav"])
def test_a_format_that_was_asked_for_is_in_the_name(tmp_path: Path, wanted: str) -> None:
    for content in ("wav", "flac", "ogg", "mp3"):
        sound(tmp_path / "in" / f"x.{content}", content, 0.2)
    for row in go(tmp_path, format=wanted).values():
        assert row.output_format == wanted.upper()
        assert is_named_right(tmp_path / "out", row), row.output


@pytest.mark.parametrize("name", ["y.ogg", "y.oga", "y.aif", "y.wav", "y.flac", "y.opus", "y.mp3"])
def test_an_output_that_a_list_names(tmp_path: Path, name: str) -> None:
    for content in ("wav", "mp3"):
        sound(tmp_path / "in" / f"x.{content}", content, 0.2)
        listed = tmp_path / f"{content}.csv"
        listed.write_text(f"path,output\nin/x.{content},{content}-{name}\n")
        row = go(tmp_path, listed)[f"x.{content}"]
        assert row.status == "ok", row.message
        assert is_named_right(tmp_path / "out", row), row.output
        if Path(name).suffix not in (".opus", ".mp3"):
            assert row.output == f"{content}-{name}"


def test_a_file_that_outgrows_its_format_is_refused() -> None:
    (job,) = collect(["x.aiff"], "out", Settings(to="fuzz"))
    info = audio.AudioInfo(
        path="x.aiff", format="AIFF", subtype="PCM_24", sample_rate=96_000, num_channels=2,
        num_samples=2**32 // 6,
    )  # fmt: skip
    with pytest.raises(TrackError, match="choose another --format") as caught:
        output_of(job, info, "morph")
    assert caught.value.code == "format_not_possible"


def test_verify_finds_a_name_that_lies(tmp_path: Path) -> None:
    sound(tmp_path / "in" / "x.wav", "wav")
    row = go(tmp_path)["x.wav"]
    lying = replace(row, track="x.flac", output="x.flac")
    (tmp_path / "out" / "x.wav").rename(tmp_path / "out" / "x.flac")
    manifest.commit(tmp_path / "out", lying, [])
    messages = [found.message for found in verify(tmp_path / "out")[1] if found.track == "x.flac"]
    assert "its name does not say that it is a WAV file" in messages
    manifest.commit(tmp_path / "out", replace(lying, output_format="FLAC"), [])
    messages = [found.message for found in verify(tmp_path / "out")[1] if found.track == "x.flac"]
    assert "it is a WAV file, not FLAC" in messages


# Whole


def joined(path: Path, name: str) -> Path:
    content = sound(path, name).read_bytes()
    path.write_bytes(content + b"ID3\x03\0\0\0\0\0\x0a" + bytes(10) + content)
    return path


def test_joined_files_are_whole_results_or_rows(tmp_path: Path) -> None:
    for name in CONTENTS:
        joined(tmp_path / "in" / f"x.{name}", name)
    rows = go(tmp_path)
    for name, row in rows.items():
        if name in ("x.mp3", "x.ogg"):
            assert row.duration == pytest.approx(2.0, abs=0.2)
            assert row.input_note == "2 parts, read one after the other"
        else:
            assert row.error_code == "truncated", name
            assert "byte" in str(row.message), row.message


def test_verify_counts_the_input_again(tmp_path: Path) -> None:
    """A row and a scan as an older version left them, of the first part alone."""
    path = joined(tmp_path / "in" / "x.mp3", "mp3")
    out = tmp_path / "out"
    row = go(tmp_path)["x.mp3"]
    assert row.num_samples
    short = row.num_samples // 2
    result = out / str(row.output)
    whole, rate = soundfile.read(result, always_2d=True)
    soundfile.write(result, whole[:short], rate, subtype="PCM_24")
    cut = replace(row, num_samples=short, output_hash=files.digest_file(result))
    manifest.commit(out, cut, list(manifest.read_chunks(out)))
    assert row.content_hash
    scan_file = Workspace.of_last_run(location(out)).scan_file(row.content_hash, None)
    scan_file.write_json(scan_file.read_json() | {"num_samples": short})
    found = [each.message for each in verify(out)[1]]
    assert f"the input has {row.num_samples} samples, the manifest says {short}" in found
    assert path.exists()


def test_a_result_of_half_the_input_is_made_again(tmp_path: Path) -> None:
    joined(tmp_path / "in" / "x.mp3", "mp3")
    row = go(tmp_path)["x.mp3"]
    assert row.num_samples
    older = replace(row, num_samples=row.num_samples // 2, input_stamp=None)
    manifest.commit(tmp_path / "out", older, [])
    assert go(tmp_path)["x.mp3"].num_samples == row.num_samples


# Kinds that are not read


def test_kinds_that_are_not_read_are_counted(tmp_path: Path) -> None:
    sound(tmp_path / "in" / "x.wav", "wav")
    for name in ("a.amr", "b.AMR", "deep/c.mid", ".hidden.mid", "cover.jpg", "notes.txt"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"?")
    unread = Unread()
    jobs = collect([str(tmp_path / "in")], tmp_path / "out", Settings(to="fuzz"), unread=unread)
    assert [job.track for job in jobs] == ["x.wav"]
    assert str(unread) == "3 files of kinds that are not read: .amr (2), .mid (1)"
    (tmp_path / "in" / "x.wav").unlink()
    with pytest.raises(SettingError, match=r"no audio.*3 files of kinds that are not read"):
        collect([str(tmp_path / "in")], tmp_path / "out", Settings(to="fuzz"))


@pytest.mark.parametrize("command", ["morph", "plan"])
def test_commands_name_the_kinds_that_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    sound(tmp_path / "in" / "x.wav", "wav", 0.2)
    for name in ("a.amr", "b.amr", "c.amr"):
        (tmp_path / "in" / name).write_bytes(b"?")
    words = [command, "in", "-o", "out", "--to", "fuzz", "--separator", "none"]
    done = invoke(*words)
    assert done.returncode == 0, done.stderr
    assert "3 files of kinds that are not read: .amr" in done.stdout
    told = invoke(*words, "--json")
    assert json.loads(told.stdout)["not_read"] == {".amr": 3}


def test_kinds_that_ffmpeg_reads_are_found_in_folders(tmp_path: Path) -> None:
    names = ["a.wv", "b.mka", "c.au", "d.tta", "e.ape", "f.mkv", "g.webm", "h.mov", "i.dsf"]
    for name in names:
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"nothing of the kind")
    jobs = collect([str(tmp_path / "in")], tmp_path / "out", Settings(to="fuzz"))
    assert sorted(job.track for job in jobs) == [f"{name}.flac" for name in names]


# Channels


def test_channels_of_stereo_are_swapped_once(tmp_path: Path) -> None:
    for name in ("wav", "ogg"):
        path = sound(tmp_path / "in" / f"x.{name}", name)
        rows = go(tmp_path, path, channels=(1, 0), amount="0")
        assert rows[path.name].num_channels == 2
        given, _ = soundfile.read(path)
        made, _ = soundfile.read(tmp_path / "out" / str(rows[path.name].output))
        assert np.abs(made - given[:, ::-1]).max() < 1e-4
        assert np.abs(made - given).max() > 0.1


def test_channels_that_stereo_lacks_leave_it_as_it_is(tmp_path: Path) -> None:
    stereo, mono = sound(tmp_path / "s.wav", "wav"), sound(tmp_path / "m.wav", "wav", channels=1)
    for path, channels in ((stereo, (2, 3)), (mono, (1, 0)), (stereo, (0, 1))):
        with audio.AudioReader(str(path), channels) as reader:
            found = reader.read(0, RATE)
        assert np.array_equal(found.T, soundfile.read(path, dtype="float32", always_2d=True)[0])


@pytest.mark.parametrize("mask", [0, 3, 0x600])
def test_speaker_positions_stay(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "in" / "x.wav"
    path.parent.mkdir()
    x = np.random.default_rng(0).standard_normal((RATE, 2)) * 0.1
    soundfile.write(path, x, RATE, format="WAVEX", subtype="PCM_24")
    content = bytearray(path.read_bytes())
    at = content.index(b"fmt ") + 8 + 20
    content[at : at + 4] = struct.pack("<I", mask)
    path.write_bytes(content)
    row = go(tmp_path)["x.wav"]
    with (tmp_path / "out" / str(row.output)).open("rb") as file:
        (fmt,) = (each for each in chunks.walk(file, chunks.RIFF) if each.id == b"fmt ")
        file.seek(fmt.start + 20)
        assert file.read(4) == struct.pack("<I", mask)


# Messages


@pytest.mark.parametrize("name", ["the result of x.wav", "a section in the work directory"])
def test_a_full_disk_names_no_internal_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    sound(tmp_path / "in" / "x.wav", "wav")
    check = audio.AudioWriter._check

    def full(self: audio.AudioWriter) -> None:
        if self._name == name:
            raise OSError(28, "No space left on device", "/somewhere/.morphsep-0123.part")
        check(self)

    monkeypatch.setattr(audio.AudioWriter, "_check", full)
    row = go(tmp_path)["x.wav"]
    assert row.error_code == "disk_full"
    assert str(row.message).startswith(f"{name} could not be written whole (No space left on dev")
    assert ".part" not in str(row.message)
