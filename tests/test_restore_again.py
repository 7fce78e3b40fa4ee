"""``morphsep restore`` a second time: what is done again, and what lies there from before."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morphsep import audio, provenance, restoration, stages
from morphsep.access.depth import Depth
from morphsep.access.sounds import Added, Master
from morphsep.errors import TrackError
from morphsep.manifest import TrackRow, read_tracks, steps_by_track
from tests import masters, songs
from tests.commands import invoke
from tests.test_restoration import hum

ANYHOW = (
    "--set-bound", "timing_ms=99", "--set-bound", "onset_f1=0", "--set-bound", "rests_db=99",
)  # fmt: skip
MORPHED = (
    "--to", "distortion", "--amount", "0.5", "--separator", "none", "--no-uniform", *ANYHOW
)  # fmt: skip


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A declick that needs no network."""
    monkeypatch.setattr(restoration, "Declick", masters.Mute)
    masters.Mute.looked.clear()


def restore(master: Path, access: Path, *words: object, code: int = 0) -> TrackRow:
    """Restores a master, or what a list says; the row of the first."""
    done = invoke("restore", master, "-o", access, "--steps", "declick", *words)
    assert done.returncode == code, done.stderr
    return read_tracks(access)[0]


@pytest.mark.parametrize("words", [("--steps", "none"), ("--steps", "none", *MORPHED), ANYHOW])
def test_a_replaced_master_is_restored_anew(tmp_path: Path, words: tuple[str, ...]) -> None:
    master, access = masters.write(tmp_path / "in/a.wav", seconds=2.0), tmp_path / "acc/a.wav"
    first = restore(master, tmp_path / "acc", *words)
    songs.write(master, masters.clicked(2.0)[:, ::-1], subtype="PCM_24")
    second = restore(master, tmp_path / "acc", *words)
    assert second.key != first.key
    assert np.array_equal(songs.read(access), masters.added_up(master, access))


@pytest.mark.parametrize("words", [ANYHOW, ("--steps", "none"), MORPHED])
def test_another_depth_has_its_own_differences(tmp_path: Path, words: tuple[str, ...]) -> None:
    sound = masters.clicked(2.0)
    sound += np.random.default_rng(1).uniform(-1, 1, sound.shape).astype(np.float32) * 2e-6
    master, access = songs.write(tmp_path / "in/a.wav", sound, subtype="PCM_24"), tmp_path / "acc"
    for depth in ("PCM_24", "PCM_16"):
        (tmp_path / "list.csv").write_text(f"path,subtype\nin/a.wav,{depth}\n")
        row = restore(tmp_path / "list.csv", access, *words)
        assert row.output_subtype == depth
        full = 2.0 ** (int(depth[4:]) - 1)
        base = np.rint(songs.read(master) * full) / full
        added = masters.added_up(master, access / "a.wav") - songs.read(master)
        assert np.array_equal(songs.read(access / "a.wav"), base + added)
    assert invoke("verify", access).returncode == 0


@pytest.mark.parametrize("lost", ["difference.*", "done.json"])
def test_a_repair_that_is_half_gone_from_the_work_directory_is_done_anew(
    tmp_path: Path, lost: str
) -> None:
    master = masters.write(tmp_path / "in/a.wav", seconds=2.0)
    first = restore(master, tmp_path / "acc")
    for place in (tmp_path / "acc/.morphsep/repairs").rglob(lost):
        place.unlink()
    (tmp_path / "acc/a.wav").unlink()
    second = restore(master, tmp_path / "acc")
    assert second.output_hash == first.output_hash
    assert len(masters.Mute.looked) == 2


def test_force_repairs_anew_once_for_all_tracks_of_one_sound(tmp_path: Path) -> None:
    for name in ("a", "b"):
        masters.write(tmp_path / f"in/{name}.wav", seconds=2.0)
    words = ("--force", *MORPHED)
    for runs in (1, 2):
        restore(tmp_path / "in", tmp_path / "acc", *words)
        assert len(masters.Mute.looked) == runs
    assert invoke("verify", tmp_path / "acc").returncode == 0


def test_what_vanishes_before_the_copy_is_written_is_said_in_the_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    master = masters.write(tmp_path / "in/a.wav", seconds=2.0)
    to_separate = stages.to_separate

    def removed(*how: Any) -> Any:
        shutil.rmtree(tmp_path / "acc/.morphsep/repairs")
        return to_separate(*how)

    with monkeypatch.context() as patch:
        patch.setattr(stages, "to_separate", removed)
        row = restore(master, tmp_path / "acc", *MORPHED, code=3)
    assert (row.status, row.error_code) == ("failed", "internal")
    assert "declick did was removed" in (row.message or "")
    assert restore(master, tmp_path / "acc", *MORPHED).status == "ok"


def around(folder: Path) -> dict[str, bytes]:
    """What lies in a folder of access copies, but for the work directory and the manifest."""
    places = (place for place in folder.glob("**/a.wav*") if ".morphsep" not in place.parts)
    return {place.name: place.read_bytes() for place in places}


def test_differences_of_steps_that_are_gone_do_not_stay(tmp_path: Path) -> None:
    master, access = masters.write(tmp_path / "in/a.wav", seconds=2.0), tmp_path / "acc"
    restore(master, access, *MORPHED)
    left = access / "a.wav.timbre.diff.flac"
    before = left.read_bytes()
    theirs = access / "a.wav.mine.diff.flac"
    theirs.write_bytes(b"theirs")
    restore(master, access)
    assert not left.exists()
    assert theirs.exists()
    theirs.unlink()
    assert np.array_equal(songs.read(access / "a.wav"), masters.added_up(master, access / "a.wav"))
    left.write_bytes(before)
    done = invoke("verify", access)
    assert (done.returncode, f"{left.name} lies beside it" in done.stdout) == (2, True)
    invoke("restore", "-o", access, "--revert", "declick")
    assert invoke("verify", access).returncode == 0


class KilledError(BaseException):
    """As a signal ends it."""


@pytest.mark.parametrize(
    ("target", "name", "calls"),
    [
        (masters.Mute, "repair", 1), (shutil, "copyfile", 1), (shutil, "copyfile", 2),
        (Path, "replace", 1), (Path, "replace", 2), (Path, "replace", 3), (Path, "replace", 4),
    ],
)  # fmt: skip
def test_a_kill_at_any_moment_leaves_what_was_or_what_the_same_command_mends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: object, name: str, calls: int
) -> None:
    master, access = masters.write(tmp_path / "in/a.wav", seconds=2.0), tmp_path / "acc"
    restore(master, access)
    before, anew = around(access), (*MORPHED, "--set-step", "declick.sensitivity=0.25")
    real, count = getattr(target, name), 0

    def killed(*how: Any, **named: Any) -> Any:
        nonlocal count
        if target is not Path or how[1].name.startswith("a.wav"):
            count += 1
            if count == calls:
                raise KilledError
        return real(*how, **named)

    with monkeypatch.context() as patch:
        patch.setattr(target, name, killed)
        with pytest.raises(KilledError):
            restore(master, access, *anew)
    if target is not Path:
        assert around(access) == before
        assert invoke("verify", access).returncode == 0
    elif around(access) != before:
        assert invoke("verify", access).returncode == 2
    restore(master, access, *anew)
    assert invoke("verify", access).returncode == 0
    assert np.array_equal(songs.read(access / "a.wav"), masters.added_up(master, access / "a.wav"))


def test_what_breaks_while_a_step_is_taken_back_is_a_failed_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    masters.write(tmp_path / "in/a.wav", seconds=2.0)
    masters.write(tmp_path / "in/b.wav", seconds=2.0, size=0.8)
    restore(tmp_path / "in", tmp_path / "acc")
    before, write = around(tmp_path / "acc"), provenance.write_sidecar

    def broken(place: Any, events: Any) -> None:
        if events[-1].outcomes[0].name == "a.wav":
            raise ValueError("two files of one name")
        write(place, events)

    monkeypatch.setattr(provenance, "write_sidecar", broken)
    done = invoke("restore", "-o", tmp_path / "acc", "--revert", "declick")
    assert done.returncode == 2
    assert "failed   a.wav: two files of one name" in done.stdout
    assert "ok       b.wav: without declick" in done.stdout
    assert around(tmp_path / "acc") == before
    assert invoke("verify", tmp_path / "acc").returncode == 0


def hummed(place: Path) -> Path:
    """A master with clicks and hum."""
    sound = masters.clicked(5.0)
    return songs.write(place, sound + hum(sound.shape[1], 44100) / 4, subtype="PCM_24")


def test_a_dry_run_finds_what_the_run_finds_at_the_depth_that_is_asked_for(tmp_path: Path) -> None:
    hummed(tmp_path / "in/a.wav")
    (tmp_path / "list.csv").write_text("path,subtype\nin/a.wav,PCM_16\n")
    words = ("--steps", "declick,dehum", *ANYHOW, "--set-bound", "level_db=99")
    looked = invoke("restore", tmp_path / "list.csv", "-o", tmp_path / "acc", *words, "--dry-run",
                    "--json")  # fmt: skip
    (found,) = json.loads(looked.stdout)
    row = restore(tmp_path / "list.csv", tmp_path / "acc", *words)
    steps = steps_by_track(tmp_path / "acc", [row])["a.wav"]
    assert [step.step for step in steps] == ["declick", "dehum"]
    for step, said in zip(steps, found["steps"], strict=True):
        assert json.loads(step.findings or "") == said["findings"]
    assert found["steps"][1]["findings"]["lines"]


@pytest.mark.parametrize(
    ("target", "name", "times"),
    [(masters.Mute, "repair", 2), (restoration.Dehum, "look", 1), (restoration.Dehum, "repair", 1)],
)
def test_a_kill_inside_a_step_does_only_that_step_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: type, name: str, times: int
) -> None:
    master = hummed(tmp_path / "in/a.wav")
    words = ("--steps", "declick,dehum", *ANYHOW, "--set-bound", "level_db=99")
    restore(master, tmp_path / "whole", *words)
    masters.Mute.looked.clear()

    def killed(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(target, name, killed)
        with pytest.raises(KilledError):
            restore(master, tmp_path / "acc", *words)
    assert not around(tmp_path / "acc")
    restore(master, tmp_path / "acc", *words)
    assert len(masters.Mute.looked) == times
    wanted, got = around(tmp_path / "whole"), around(tmp_path / "acc")
    dated = {"a.wav.provenance.json", "a.wav.html"}
    assert wanted.keys() == got.keys()
    assert len(wanted.keys() - dated) == 3
    for each in wanted.keys() - dated:
        assert got[each] == wanted[each]


@pytest.mark.parametrize(("depth", "fits"), [(Depth(24), True), (Depth(16), False)])
def test_a_difference_of_another_depth_is_not_added(
    tmp_path: Path, depth: Depth, fits: bool
) -> None:
    sound = np.full((1, 100), 3 / 2**23, np.float32)
    place = songs.write(tmp_path / "difference.wav", sound, subtype="PCM_24")
    with audio.AudioReader(str(place)) as reader, audio.AudioReader(str(place)) as difference:
        added = Added(Master(reader, depth), difference, depth)
        if fits:
            assert np.array_equal(added.exact(0, 100), np.full((1, 100), 6 / 2**23))
        else:
            with pytest.raises(TrackError, match="finer than 16 bits"):
                added.exact(0, 100)
