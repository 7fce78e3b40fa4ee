"""Promises 6 to 8: what is done stays done, and only what depends on a change is done again."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import morphsep
from morphsep import manifest
from morphsep.pipelines import REPROCESS
from morphsep.run.verification import verify
from morphsep.storage import files
from tests import songs
from tests.commands import invoke

STEM = {"stem": "{stem}.guitar.wav"}
PLAIN = {"separator": "none", "uniform": False}


def test_the_same_command_again_does_nothing(tmp_path: Path) -> None:
    path = songs.song(tmp_path, 6.0)
    settings = {"to": "fuzz", "uniform": False, **STEM}
    first = morphsep.morph_file(path, tmp_path / "out", **settings)
    written = (tmp_path / "out" / first.output).stat().st_mtime_ns
    events = []
    again = morphsep.morph_file(path, tmp_path / "out", on_progress=events.append, **settings)
    assert again == first
    assert events == []
    assert (tmp_path / "out" / first.output).stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("change", "separated_again"),
    [
        ({"amount": 0.5}, False),
        ({"to": "chorus"}, False),
        ({"backend": "crossfade"}, False),
        ({"subtype": "PCM_24"}, False),
        ({"uniform": True}, False),
        ({"separator": "harmonic", "stem": None}, True),
    ],
)
def test_a_changed_setting_redoes_what_depends_on_it(tmp_path, change, separated_again) -> None:
    path = songs.song(tmp_path, 6.0)
    base = {"to": "fuzz", "amount": 0.7, "uniform": False, **STEM}
    first = morphsep.morph_file(path, tmp_path / "out", **base)
    stems = {p: p.stat().st_mtime_ns for p in (tmp_path / "out/.morphsep/stems").rglob("*.wav")}
    second = morphsep.morph_file(path, tmp_path / "out", **base | change)
    assert second.key != first.key
    assert second.output_hash != first.output_hash
    after = {p: p.stat().st_mtime_ns for p in (tmp_path / "out/.morphsep/stems").rglob("*.wav")}
    assert (after != stems) == separated_again
    assert (second.stem_key != first.stem_key) == separated_again


def test_a_changed_file_under_the_same_name_and_time_is_done_again(tmp_path: Path) -> None:
    path = songs.write(tmp_path / "x.wav", songs.guitar(3.0, seed=1))
    when = path.stat().st_mtime_ns
    first = morphsep.morph_file(path, tmp_path / "out", to="fuzz", **PLAIN)
    songs.write(path, songs.guitar(3.0, seed=2))
    os.utime(path, ns=(when, when))
    second = morphsep.morph_file(path, tmp_path / "out", to="fuzz", **PLAIN)
    assert second.output_hash != first.output_hash


def test_a_renamed_input_keeps_its_stem(tmp_path: Path) -> None:
    path = songs.write(tmp_path / "x.wav", songs.guitar(3.0))
    settings = {"to": "fuzz", "separator": "harmonic", "uniform": False}
    first = morphsep.morph_file(path, tmp_path / "out", **settings)
    second = morphsep.morph_file(path.rename(tmp_path / "y.wav"), tmp_path / "out", **settings)
    assert second.stem_key == first.stem_key
    stems = list((tmp_path / "out/.morphsep/stems").rglob("facts.json"))
    assert len(stems) == 1


def test_a_result_that_was_deleted_or_cut_is_made_again(tmp_path: Path) -> None:
    path = songs.write(tmp_path / "x.wav", songs.guitar(3.0))
    first = morphsep.morph_file(path, tmp_path / "out", to="fuzz", **PLAIN)
    result = tmp_path / "out" / first.output
    result.write_bytes(result.read_bytes()[:1000])
    assert verify(tmp_path / "out")[1] != []
    again = morphsep.morph_file(path, tmp_path / "out", to="fuzz", **PLAIN)
    assert again.output_hash == first.output_hash == files.digest_file(result)


def test_force_does_it_again(tmp_path: Path) -> None:
    path = songs.write(tmp_path / "x.wav", songs.guitar(3.0))
    first = morphsep.morph_file(path, tmp_path / "out", to="fuzz", **PLAIN)
    again = morphsep.morph_file(path, tmp_path / "out", to="fuzz", force=True, **PLAIN)
    assert again.finished_ns > first.finished_ns
    assert again.output_hash == first.output_hash


COMMAND = [sys.executable, "-m", "morphsep", "morph"]


def command(tmp_path: Path, *more: str) -> list[str]:
    return [
        *COMMAND, str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--to", "distortion",
        "--amount", "0.5", "--backend", "spectral", "--section", "5", "--chunk", "5",
        "--no-uniform", *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Songs in ``in``, and in ``out`` what `command` makes of them when nobody kills it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    for name in ("a.wav", "b.wav"):
        path = songs.song(folder / "in", 8.0, name=name)
        morphsep.morph_file(
            path, folder / "out", to="distortion", amount=0.5, backend="spectral", section=5,
            chunk=5, uniform=False, **STEM,
        )  # fmt: skip
    return folder


@pytest.mark.parametrize(
    "how", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_killed_run_is_finished_by_the_next(
    tmp_path: Path, undisturbed: Path, how: signal.Signals
) -> None:
    """Killed while sections are being written; then the same command gives what it would have."""
    shutil.copytree(undisturbed / "in", tmp_path / "in")
    arguments = command(tmp_path, "--stem", "{stem}.guitar.wav")
    process = subprocess.Popen(
        arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    changes = tmp_path / "out" / ".morphsep" / "changes"
    while not list(changes.rglob("*.json")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    process.send_signal(how)
    said = process.communicate()[1]
    assert process.returncode == (130 if how == signal.SIGINT else -9)
    if how == signal.SIGINT:
        assert "the same command goes on" in said
    # what is there is complete, and nothing claims what is not
    for row in manifest.read_tracks(tmp_path / "out"):
        assert row.output_hash == files.digest_file(tmp_path / "out" / row.output)
    kept = {p: p.stat().st_mtime_ns for p in changes.rglob("*.json")}
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert verify(tmp_path / "out") == (2, [])
    assert kept
    for name in ("a.wav", "b.wav"):
        np.testing.assert_array_equal(
            songs.read(undisturbed / "out" / name), songs.read(tmp_path / "out" / name)
        )


def test_rerun_failed_takes_only_what_failed(tmp_path: Path) -> None:
    songs.write(tmp_path / "in" / "good.wav", songs.guitar(1.0))
    (tmp_path / "in" / "bad.wav").write_text("no")
    words = command(tmp_path, "--separator", "none", "--workers", "1")[3:]
    assert invoke(*words).returncode == 2
    songs.write(tmp_path / "in" / "bad.wav", songs.guitar(1.0))
    stamps = {r.track: r.finished_ns for r in manifest.read_tracks(tmp_path / "out")}
    assert invoke(*words, "--rerun", "failed").returncode == 0
    rows = {r.track: r for r in manifest.read_tracks(tmp_path / "out")}
    assert rows["bad.wav"].status == "ok"
    assert rows["good.wav"].finished_ns == stamps["good.wav"]


def test_two_runs_on_one_folder_do_not_meet(tmp_path: Path) -> None:
    from morphsep.errors import SettingError
    from morphsep.stages.workspace import Workspace

    path = songs.write(tmp_path / "x.wav", songs.guitar(1.0))
    with (
        Workspace(tmp_path / "out").locked(),
        pytest.raises(SettingError, match=r"another run .* is at work"),
    ):
        morphsep.morph_file(path, tmp_path / "out", to="fuzz", **PLAIN)


def test_a_run_cut_short_may_go_on_with_other_sections(tmp_path: Path) -> None:
    """Sections of two lengths must not be mixed: that would leave holes in stem or change."""
    path = songs.write(tmp_path / "in" / "song.wav", songs.guitar(12.0))
    arguments = command(tmp_path, "--separator", "harmonic")
    process = subprocess.Popen(arguments, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    stems = tmp_path / "out" / ".morphsep" / "stems"
    while len(list(stems.rglob("0*.wav"))) < 2:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    longer = [*arguments, "--section", "10"]
    assert subprocess.run(longer, check=False, capture_output=True).returncode == 0
    assert verify(tmp_path / "out") == (1, [])
    morphsep.morph_file(
        path, tmp_path / "undisturbed", to="distortion", amount=0.5, backend="spectral",
        section=10, chunk=5, separator="harmonic", uniform=False,
    )  # fmt: skip
    np.testing.assert_array_equal(
        songs.read(tmp_path / "undisturbed" / "song.wav"), songs.read(tmp_path / "out" / "song.wav")
    )


def test_copies_of_one_song_do_not_share_what_is_being_made(tmp_path: Path) -> None:
    from morphsep.request.inputs import collect
    from morphsep.run.driver import run
    from morphsep.run.jobs import settle_jobs

    for name in ("a.wav", "b.wav"):
        songs.song(tmp_path / "in", 12.0, name=name)
    jobs = settle_jobs(collect([str(tmp_path / "in")], tmp_path / "out", morphsep.Settings(
        to="fuzz", stem="{stem}.guitar.wav", uniform=False)))  # fmt: skip
    assert len(run(jobs, tmp_path / "out", REPROCESS).done) == 2
    chunks = manifest.read_chunks(tmp_path / "out")
    assert [(c.track, c.index) for c in chunks] == [
        ("a.wav", 0),
        ("a.wav", 1),
        ("b.wav", 0),
        ("b.wav", 1),
    ]
    assert verify(tmp_path / "out") == (2, [])


def test_force_separates_and_measures_again(tmp_path: Path) -> None:
    path = songs.song(tmp_path, 4.0)
    row = morphsep.morph_file(path, tmp_path / "out", to="fuzz", amount=0.5, separator="harmonic")
    for stem in (tmp_path / "out" / ".morphsep" / "stems").rglob("0*.wav"):
        songs.write(stem, np.zeros((2, 4 * 44100), np.float32), subtype="FLOAT")
    again = morphsep.morph_file(
        path, tmp_path / "out", to="fuzz", amount=0.5, separator="harmonic", force=True
    )
    assert again.output_hash == row.output_hash


def test_a_stem_with_a_hole_is_made_again(tmp_path: Path) -> None:
    path = songs.song(tmp_path, 12.0)
    settings = {"separator": "harmonic", "section": 8, "to": "fuzz", "uniform": False}
    first = morphsep.morph_file(path, tmp_path / "out", amount=0.5, **settings)
    stems = sorted((tmp_path / "out" / ".morphsep" / "stems").rglob("0*.wav"))
    assert len(stems) == 2
    stems[0].unlink()
    morphsep.morph_file(path, tmp_path / "out", amount=0.6, **settings)
    assert stems[0].exists()
    third = morphsep.morph_file(path, tmp_path / "out", amount=0.5, **settings)
    assert third.output_hash == first.output_hash


def test_a_decoded_copy_is_gone_afterwards(tmp_path: Path) -> None:
    import soundfile

    path = tmp_path / "x.mp3"
    soundfile.write(path, songs.guitar(3.0).T, 44100, format="MP3")
    for amount in (0.5, 0.5, 0.6):
        morphsep.morph_file(path, tmp_path / "out", to="fuzz", amount=amount, **PLAIN)
    assert verify(tmp_path / "out") == (1, [])
    assert not list((tmp_path / "out" / ".morphsep").glob("decoded/*"))


def test_nobody_elses_file_is_overwritten(tmp_path: Path) -> None:
    mine = songs.write(tmp_path / "a" / "x.wav", songs.guitar(1.0))
    other = songs.write(tmp_path / "b" / "x.wav", songs.guitar(1.0, seed=5))
    row = morphsep.morph_file(mine, tmp_path / "out", to="fuzz", **PLAIN)
    with pytest.raises(morphsep.TrackError, match="already the result of"):
        morphsep.morph_file(other, tmp_path / "out", to="fuzz", **PLAIN)
    assert files.digest_file(tmp_path / "out" / "x.wav") == row.output_hash
    songs.write(tmp_path / "out2" / "x.wav", songs.guitar(1.0))
    with pytest.raises(morphsep.TrackError, match="not ours"):
        morphsep.morph_file(mine, tmp_path / "out2", to="fuzz", **PLAIN)


def test_morph_and_separate_live_in_one_folder(tmp_path: Path) -> None:
    path = songs.song(tmp_path, 3.0)
    out = tmp_path / "out"
    settings = {"to": "fuzz", "uniform": False, **STEM}
    first = morphsep.morph_file(path, out, **settings)
    parts = morphsep.separate_file(path, out, **STEM)
    assert morphsep.morph_file(path, out, **settings) == first
    assert morphsep.separate_file(path, out, **STEM) == parts
    assert verify(out) == (2, [])


@pytest.mark.parametrize("fails", [True, False])
@pytest.mark.parametrize(
    ("stage", "name"),
    [("separate", "separate_section"), ("measure", "measure_stem"), ("assemble", "write_song")],
)
def test_an_interrupt_that_is_swallowed_ends_the_run_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str, name: str, fails: bool
) -> None:
    """As where libsndfile calls Python back: the exception is dropped, the file seems cut."""
    module = import_module(f"morphsep.stages.{stage}")
    real = getattr(module, name)

    def swallowing(*arguments: object) -> object:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        if fails:
            raise morphsep.TrackError("truncated", "the file ends before its end")
        return real(*arguments)

    monkeypatch.setattr(module, name, swallowing)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        path = songs.song(tmp_path, 6.0)
        with pytest.raises(KeyboardInterrupt):
            morphsep.morph_file(path, tmp_path / "out", to="fuzz", uniform=False, **STEM)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert list(manifest.read_tracks(tmp_path / "out")) == []
        assert not (tmp_path / "out" / path.name).exists()
        assert not list((tmp_path / "out" / ".morphsep" / "tries").rglob("*.json"))
        monkeypatch.setattr(module, name, real)
        morphsep.morph_file(path, tmp_path / "out", to="fuzz", uniform=False, **STEM)
    finally:
        signal.signal(signal.SIGINT, before)
    assert verify(tmp_path / "out") == (1, [])


def test_storage_that_is_away_while_a_row_is_asked_for_ends_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from morphsep.run import retries
    from morphsep.stages.workspace import Workspace
    from morphsep.storage.faults import StorageError
    from morphsep.storage.locations import Location

    real, left = Workspace.ended, [1, 1, 1]
    monkeypatch.setattr(retries, "WAITS", [wait / 100 for wait in retries.WAITS])

    def away(self: Workspace, track: str) -> Location:
        if left:
            left.pop()
            raise StorageError("reading failed 12 times in 36 s")
        return real(self, track)

    monkeypatch.setattr(Workspace, "ended", away)
    path = songs.song(tmp_path, 4.0)
    settings = {"to": "fuzz", "uniform": False, **STEM}
    assert morphsep.morph_file(path, tmp_path / "out", **settings).status == "ok"
    left += [1, 1, 1, 1]
    with pytest.raises(StorageError, match="36 s"):
        morphsep.morph_file(path, tmp_path / "out2", **settings)
