"""Every bad file is a row with a code and a sentence, and the batch goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import soundfile

from morphsep import manifest, stages
from morphsep.errors import SettingError
from morphsep.manifest.rows import TrackRow
from morphsep.morphing.recipe import Recipe
from morphsep.pipelines import REPROCESS
from morphsep.request.inputs import collect
from morphsep.request.settings import Settings, make_settings
from morphsep.run.driver import run
from morphsep.run.jobs import settle_jobs
from morphsep.run.retries import Attempt
from morphsep.run.verification import verify
from morphsep.stages.clip import Clip
from morphsep.stages.run_context import RunContext
from tests import songs


def go(tmp_path: Path, *inputs: Path, **settings) -> dict[str, TrackRow]:
    out = tmp_path / "out"
    made = make_settings(**{"to": "distortion", "separator": "none"} | settings)
    run(
        settle_jobs(collect([str(i) for i in inputs or [tmp_path / "in"]], out, made)),
        out,
        REPROCESS,
    )
    assert verify(out)[1] == []
    return {row.track: row for row in manifest.read_tracks(out)}


def cut(path: Path, keep: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])


def empty(path: Path) -> None:
    path.touch()


def text(path: Path) -> None:
    path.write_text("this is not music\n" * 500)


def folder(path: Path) -> None:
    path.mkdir()


def dangling(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere.wav")


def short_wav(path: Path) -> None:
    songs.write(path, songs.guitar(3.0))
    cut(path, 0.6)


def short_flac(path: Path) -> None:
    songs.write(path, songs.guitar(3.0))
    cut(path, 0.6)


def short_mp3(path: Path) -> None:
    soundfile.write(path, songs.guitar(5.0).T, 44100, format="MP3")
    cut(path, 0.5)


def lying(path: Path) -> None:
    """The data chunk claims a hundred times what is there."""
    songs.write(path, songs.guitar(1.0))
    raw = bytearray(path.read_bytes())
    at = raw.index(b"data") + 4
    size = int.from_bytes(raw[at : at + 4], "little") * 100
    raw[at : at + 4] = size.to_bytes(4, "little")
    raw[4:8] = (size + 36).to_bytes(4, "little")
    path.write_bytes(raw)


def not_a_number(path: Path) -> None:
    audio = songs.guitar(2.0)
    audio[0, 44100] = np.nan
    songs.write(path, audio, subtype="FLOAT")


def infinite(path: Path) -> None:
    audio = songs.guitar(2.0)
    audio[1, 100] = np.inf
    songs.write(path, audio, subtype="FLOAT")


def surround(path: Path) -> None:
    songs.write(path, songs.guitar(1.0, channels=6))


def no_samples(path: Path) -> None:
    songs.write(path, songs.guitar(1.0)[:, :0])


BAD = {
    "empty.wav": (empty, "empty_file", "0 bytes|empty"),
    "no samples.wav": (no_samples, "empty_file", "no samples|empty"),
    "text.wav": (text, "not_audio", "not audio|no audio|audio"),
    "text.mp3": (text, "not_audio", "audio"),
    "folder.wav": (folder, "is_a_folder", "folder"),
    "dangling.wav": (dangling, "not_found", "link"),
    "short.wav": (short_wav, "truncated", "promises 3.00 s"),
    "short.flac": (short_flac, "truncated", "promises 3.00 s"),
    "short.mp3": (short_mp3, "truncated", "promises"),
    "lying.wav": (lying, "truncated", "promises 100.00 s"),
    "nan.wav": (not_a_number, "non_finite", "1.000 s"),
    "inf.wav": (infinite, "non_finite", "not a number"),
    "5.1.wav": (surround, "too_many_channels", "--channels"),
}


def test_bad_files_become_rows_and_the_batch_goes_on(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name, (make, _, _) in BAD.items():
        make(tmp_path / "in" / name)
    songs.write(tmp_path / "in" / "good.wav", songs.guitar(2.0))
    rows = go(tmp_path)
    assert rows["good.wav"].status == "ok"
    by_input = {Path(row.input).name: row for row in rows.values()}
    assert set(by_input) == {*BAD, "good.wav"}
    for name, (_, code, says) in BAD.items():
        row = by_input[name]
        assert (row.status, row.error_code) == ("failed", code), (name, row.message)
        assert any(part in row.message for part in says.split("|")), (name, row.message)
        assert row.output is None


def gentle(seconds: float) -> np.ndarray:
    return songs.guitar(seconds)


ODD = {
    "silence.wav": (np.zeros((2, 90000), np.float32), 44100, "PCM_16"),
    "one sample.wav": (np.full((1, 1), 0.25, np.float32), 44100, "PCM_16"),
    "a tenth.wav": (songs.guitar(0.1), 44100, "PCM_16"),
    "dc.wav": (np.full((2, 90000), 0.5, np.float32), 44100, "PCM_16"),
    "clipped.wav": ((songs.guitar(2.0) * 20).clip(-1, 1), 44100, "PCM_16"),
    "8k.wav": (songs.guitar(2.0, 8000), 8000, "PCM_16"),
    "192k.wav": (songs.guitar(1.0, 192000), 192000, "PCM_24"),
    "ünïcödé 🎸 'quoted' $(name).wav": (songs.guitar(0.5), 44100, "PCM_16"),
    f"{'long ' * 49}.wav": (songs.guitar(0.5), 44100, "PCM_16"),
    "mono.wav": (songs.guitar(0.5, channels=1), 48000, "PCM_U8"),
}


@pytest.mark.parametrize("separator", ["none", "harmonic"])
def test_odd_files_are_done(tmp_path: Path, separator: str) -> None:
    for name, (audio, rate, subtype) in ODD.items():
        songs.write(tmp_path / "in" / name, audio, rate, subtype)
    rows = go(tmp_path, separator=separator)
    for name in ODD:
        row = rows[name]
        assert row.status == "ok", (name, row.message)
        before, after = (
            soundfile.info(tmp_path / "in" / name),
            soundfile.info(tmp_path / "out" / name),
        )
        for field in ("frames", "samplerate", "channels", "subtype"):
            assert getattr(before, field) == getattr(after, field), (name, field)
    silent = songs.read(tmp_path / "out" / "silence.wav")
    assert np.array_equal(silent, np.zeros_like(silent))


def test_24_bits_at_minus_110_dbfs_survive(tmp_path: Path) -> None:
    time = np.arange(3 * 44100) / 44100
    tone = (10 ** (-110 / 20) * np.sin(2 * np.pi * 440 * time))[None].astype(np.float32)
    path = songs.write(tmp_path / "in" / "faint.wav", tone, subtype="PCM_24")
    rows = go(tmp_path)
    assert rows["faint.wav"].status == "ok"
    np.testing.assert_array_equal(songs.read(tmp_path / "out" / "faint.wav"), songs.read(path))


def test_two_channels_of_a_surround_file_can_be_picked(tmp_path: Path) -> None:
    surround(tmp_path / "5.1.wav")
    rows = go(tmp_path, tmp_path / "5.1.wav", channels=(0, 2), amount=0)
    assert rows["5.1.wav"].num_channels == 2
    picked = songs.read(tmp_path / "5.1.wav")[[0, 2]]
    np.testing.assert_array_equal(songs.read(tmp_path / "out" / "5.1.wav"), picked)


def test_a_lossy_file_becomes_flac_of_the_same_length(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    soundfile.write(tmp_path / "in" / "x.mp3", songs.guitar(2.0).T, 44100, format="MP3")
    soundfile.write(tmp_path / "in" / "y.ogg", songs.guitar(2.0).T, 44100, format="OGG")
    rows = go(tmp_path)
    for name, source in (("x.mp3.flac", "x.mp3"), ("y.ogg.flac", "y.ogg")):
        info = soundfile.info(tmp_path / "out" / name)
        assert (info.format, info.subtype) == ("FLAC", "PCM_24")
        assert (
            info.frames
            == rows[name].num_samples
            == len(soundfile.read(tmp_path / "in" / source)[0])
        )


def test_the_same_file_twice_and_an_input_inside_the_output(tmp_path: Path) -> None:
    path = songs.write(tmp_path / "x.wav", songs.guitar(1.0))
    inside = songs.write(tmp_path / "out" / "y.wav", songs.guitar(1.0))
    rows = go(tmp_path, path, path, inside)
    assert sorted((r.status, r.error_code or "") for r in rows.values()) == [
        ("failed", "inside_output"), ("ok", ""), ("skipped", "duplicate"),
    ]  # fmt: skip


def test_without_ffmpeg_an_m4a_is_a_row_that_says_so(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "in").mkdir()
    frame = bytes((0xFF, 0xF1, 0x50, 0x40, 0x08, 0x1F, 0xFC)) + bytes(57)
    (tmp_path / "in" / "x.m4a").write_bytes(frame * 50)
    rows = go(tmp_path)
    assert rows["x.m4a.flac"].error_code == "needs_ffmpeg"
    assert "ffmpeg" in rows["x.m4a.flac"].message


AS_ANYBODY = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
"""Root without the right to pass over file modes."""


def test_a_file_that_may_not_be_read_is_a_row(tmp_path: Path) -> None:
    if os.getuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root can read everything, and setpriv (util-linux) is not here")
    songs.write(tmp_path / "in" / "good.wav", songs.guitar(0.5))
    songs.write(tmp_path / "in" / "locked.wav", songs.guitar(0.5)).chmod(0)
    command = [sys.executable, "-m", "morphsep", "morph", "in", "-o", "out"]
    command += ["--to", "fuzz", "--separator", "none"]
    if os.getuid() == 0:
        command = [*AS_ANYBODY, *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    rows = {row.track: row for row in manifest.read_tracks(tmp_path / "out")}
    assert rows["good.wav"].status == "ok"
    assert rows["locked.wav"].error_code == "no_permission"


def test_a_full_disk_is_a_row_and_leaves_nothing_half_written(
    tmp_path: Path, small_disk: Path
) -> None:
    songs.write(tmp_path / "in" / "1 short.wav", songs.guitar(2.0))
    songs.write(tmp_path / "in" / "2 long.wav", songs.guitar(60.0))
    songs.write(tmp_path / "in" / "3 short.wav", songs.guitar(2.0))
    settings = make_settings(to="distortion", separator="none")
    run(settle_jobs(collect([str(tmp_path / "in")], small_disk, settings)), small_disk, REPROCESS)
    rows = {row.track: row for row in manifest.read_tracks(small_disk)}
    assert rows["1 short.wav"].status == "ok"
    assert rows["3 short.wav"].status == "ok"
    assert rows["2 long.wav"].error_code == "disk_full"
    assert not (small_disk / "2 long.wav").exists()
    assert verify(small_disk) == (3, [])


def test_a_format_that_cannot_hold_what_is_asked_for_is_one_files_fault(tmp_path: Path) -> None:
    songs.write(tmp_path / "in" / "a.flac", songs.guitar(1.0))
    songs.write(tmp_path / "in" / "b.wav", songs.guitar(1.0))
    rows = go(tmp_path, subtype="FLOAT")
    assert rows["a.flac"].error_code == "format_not_possible"
    assert rows["b.wav"].status == "ok"


def test_what_only_the_workers_machine_lacks_is_no_fault_of_the_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(*arguments: object) -> None:
        raise SettingError("there are no weights here: morphsep models fetch htdemucs_6s")

    separating = import_module("morphsep.stages.separate")
    monkeypatch.setattr(separating, "separate_section", lacking)
    songs.write(tmp_path / "in" / "a.wav", songs.guitar(1.0))
    row = go(tmp_path, separator="harmonic")["a.wav"]
    assert (row.status, row.error_code) == ("failed", "worker_lacks")
    assert "models fetch" in (row.message or "")


def test_a_worker_that_cannot_even_read_the_settings_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row needs what the worker lacks, too: its hash of the weights, say."""
    path = songs.write(tmp_path / "a.wav", songs.guitar(1.0))
    out = tmp_path / "out"
    settings = make_settings(to="chorus", separator="none")
    (job,) = settle_jobs(collect([str(path)], out, settings))
    context = RunContext(out=str(out), command="morph", id="this")

    def lacking(work: RunContext, settings: Settings) -> Recipe:
        raise SettingError("there is no plugin reverb.vst3 here")

    (clip,) = stages.prepare(context, Clip(job=job))
    monkeypatch.setattr(RunContext, "recipe", lacking)
    (answer,) = Attempt(stage=stages.separate, context=context)(clip)
    assert answer.outcome is not None
    row = answer.outcome.row
    assert (row.status, row.error_code, row.num_samples) == ("failed", "worker_lacks", 44100)
    assert "reverb.vst3" in (row.message or "")
    assert manifest.read_tracks(out) == [row]


def test_a_gpu_by_name_is_not_for_ray(tmp_path: Path) -> None:
    path = songs.write(tmp_path / "a.wav", songs.guitar(1.0))
    settings = make_settings(to="chorus", separator="none")
    (job,) = settle_jobs(collect([str(path)], tmp_path / "out", settings))
    named = replace(job, settings=replace(job.settings, device="cuda:1"))
    with pytest.raises(SettingError, match="--gpus-per-worker"):
        run([named], tmp_path / "out", REPROCESS, executor="ray")
    assert not (tmp_path / "out").exists()
