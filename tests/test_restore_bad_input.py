"""Masters that are odd, and folders in which something lies already."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from morphsep import manifest, restoration
from morphsep.storage import Location
from tests import masters, songs
from tests.commands import invoke
from tests.test_restore import restore


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A declick that needs no network."""
    monkeypatch.setattr(restoration, "Declick", masters.Mute)


def odd(kind: str) -> tuple[np.ndarray, int]:
    """``[C, T]`` and its rate."""
    guitar = songs.guitar(4.0, channels=1)
    if kind == "silence":
        return np.zeros((1, 44100), np.float32), 44100
    if kind == "run-in groove":
        noise = np.random.default_rng(0).standard_normal((1, 2 * 44100)).astype(np.float32)
        return np.concatenate([0.01 * noise, guitar], axis=1), 44100
    if kind == "clipped":
        return np.clip(2 * guitar, -0.4, 0.4), 44100
    if kind == "8 kHz":
        return masters.clicked(4.0, 8000), 8000
    if kind == "192 kHz":
        return masters.clicked(2.0, 192_000), 192_000
    if kind == "mono disc in stereo":
        return np.repeat(masters.clicked(4.0), 2, axis=0), 44100
    assert kind == "one sample"
    return np.full((1, 1), 0.25, np.float32), 44100


@pytest.mark.parametrize(
    "kind",
    ["silence", "run-in groove", "clipped", "8 kHz", "192 kHz", "mono disc in stereo",
     "one sample"],
)  # fmt: skip
def test_an_odd_master_has_an_access_copy(kind: str, tmp_path: Path) -> None:
    sound, rate = odd(kind)
    master = songs.write(tmp_path / "in/a.wav", sound, rate, "PCM_24")
    (row,) = restore(master, tmp_path / "acc", "--steps", "declick,dehum")
    assert row.status == "ok"
    access = tmp_path / "acc/a.wav"
    assert np.array_equal(songs.read(access), masters.added_up(master, access))
    given, got = soundfile.info(master), soundfile.info(access)
    assert (got.samplerate, got.channels, got.frames) == (rate, given.channels, given.frames)
    if kind == "mono disc in stereo":
        left, right = songs.read(access)
        assert np.array_equal(left, right)
    assert invoke("verify", tmp_path / "acc").returncode == 0


@pytest.mark.parametrize(
    "name", ["a.wav", "a.wav.declick.diff.flac", "a.wav.provenance.json", "report/a.wav.html"]
)
def test_what_is_not_ours_is_not_overwritten(name: str, tmp_path: Path) -> None:
    master = masters.write(tmp_path / "in/a.wav")
    theirs = tmp_path / "acc" / name
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")
    (row,) = restore(master, tmp_path / "acc", code=3)
    assert (row.status, row.error_code) == ("failed", "output_taken")
    assert theirs.read_text() == "theirs"
    (row,) = restore(master, tmp_path / "acc", "--force")
    assert row.status == "ok"
    assert theirs.read_bytes() != b"theirs"


def test_a_folder_of_another_version_is_done_anew(tmp_path: Path) -> None:
    master = masters.write(tmp_path / "in/a.wav")
    (first,) = restore(master, tmp_path / "acc")
    for note in (tmp_path / "acc/.morphsep/repairs").rglob("done.json"):
        note.write_text(json.dumps({"version": 0, "step": "declick"}))
    (second,) = restore(master, tmp_path / "acc", "--force")
    assert second.output_hash == first.output_hash
    assert second.finished_ns > first.finished_ns


def test_a_full_disk_is_a_failed_row_and_the_same_command_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    master = masters.write(tmp_path / "in/a.wav")
    copyfile = shutil.copyfile

    def full(source: Path, to: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    (row,) = restore(master, tmp_path / "acc", code=3)
    assert (row.status, row.error_code) == ("failed", "disk_full")
    assert not list((tmp_path / "acc").glob("a.wav*"))
    monkeypatch.setattr(shutil, "copyfile", copyfile)
    (row,) = restore(master, tmp_path / "acc")
    assert row.status == "ok"


def test_a_lossy_master_may_be_repaired_of_its_hum(tmp_path: Path) -> None:
    master = songs.write(tmp_path / "in/a.mp3", songs.guitar(4.0), subtype="MPEG_LAYER_III")
    (row,) = restore(master, tmp_path / "acc", "--steps", "dehum")
    assert (row.status, row.output_format, row.output_subtype) == ("ok", "FLAC", "PCM_24")


def test_an_input_that_is_named_like_a_difference_is_refused(tmp_path: Path) -> None:
    master = masters.write(tmp_path / "in/a.wav.declick.diff.flac")
    (row,) = restore(master, tmp_path / "acc", code=3)
    assert (row.status, row.error_code) == ("failed", "bad_name")


def test_masters_and_access_copies_in_a_bucket(tmp_path: Path, place: Location) -> None:
    local = masters.write(tmp_path / "in/a.wav")
    (place / "in/a.wav").write_bytes(local.read_bytes())
    words = ("restore", place / "in/a.wav", "-o", place / "acc", "--steps", "declick")
    assert invoke(*words).returncode == 0
    (row,) = manifest.read_tracks(place / "acc")
    assert row.content_hash == row.master_hash_after
    restore(local, tmp_path / "here")
    for name in ("a.wav", "a.wav.declick.diff.flac"):
        assert (place / "acc" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    assert invoke("verify", place / "acc").returncode == 0
    assert invoke(*words).returncode == 0
    assert manifest.read_tracks(place / "acc") == [row]
    assert invoke("restore", "-o", place / "acc", "--revert", "declick").returncode == 0
    (back,) = manifest.read_tracks(place / "acc")
    assert back.output_hash != row.output_hash
