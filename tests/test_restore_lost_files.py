"""Differences are believed only if they are the files that were written; nothing else is needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from morphsep import manifest, restoration
from tests import masters, songs
from tests.commands import invoke
from tests.test_restore import DISTORTED, MORPHED, digest, restore


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A declick that needs no network."""
    monkeypatch.setattr(restoration, "Declick", masters.Mute)
    masters.Mute.looked.clear()


def falsify(difference: Path) -> None:
    """Another difference of the same length lies there."""
    info = soundfile.info(difference)
    sound, rate = soundfile.read(difference)
    soundfile.write(difference, sound[::-1], rate, info.subtype)


@pytest.mark.parametrize("step", ["declick", "timbre"])
@pytest.mark.parametrize("lost", [True, False])
def test_nothing_is_taken_back_with_a_wrong_difference(
    step: str, lost: bool, tmp_path: Path
) -> None:
    master = masters.write(tmp_path / "in/a.wav")
    (before,) = restore(master, tmp_path / "acc", *MORPHED)
    difference = tmp_path / f"acc/a.wav.{step}.diff.flac"
    if lost:
        difference.unlink()
    else:
        falsify(difference)
    for asked in ("declick", "timbre:1-2", "none"):
        done = invoke("restore", "-o", tmp_path / "acc", "--revert", asked)
        assert (done.returncode, difference.name in done.stdout) == (3, True)
    assert digest(tmp_path / "acc/a.wav") == before.output_hash
    assert manifest.read_tracks(tmp_path / "acc") == [before]
    restore(master, tmp_path / "acc", *MORPHED, "--force")
    assert invoke("restore", "-o", tmp_path / "acc", "--revert", step).returncode == 0


@pytest.mark.parametrize("lost", [True, False])
def test_a_wrong_difference_in_the_work_directory_is_made_again(lost: bool, tmp_path: Path) -> None:
    master = masters.write(tmp_path / "in/a.wav")
    (first,) = restore(master, tmp_path / "acc")
    (difference,) = (tmp_path / "acc/.morphsep/repairs").rglob("difference.*")
    if lost:
        difference.unlink()
    else:
        falsify(difference)
    (tmp_path / "acc/a.wav").unlink()
    (second,) = restore(master, tmp_path / "acc")
    assert second.output_hash == first.output_hash
    assert len(masters.Mute.looked) == 2


def test_a_wrong_morph_in_the_work_directory_is_made_again(tmp_path: Path) -> None:
    master = masters.write(tmp_path / "in/a.wav")
    (wanted,) = restore(master, tmp_path / "whole", *MORPHED)
    # fails on the bounds, behind the morph
    restore(master, tmp_path / "acc", *DISTORTED, code=3)
    (difference,) = (tmp_path / "acc/.morphsep/repairs").rglob("*-timbre/difference.*")
    falsify(difference)
    (row,) = restore(master, tmp_path / "acc", *MORPHED)
    assert row.output_hash == wanted.output_hash


def test_a_finished_copy_is_checked_and_taken_back_without_the_repairs_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    master = masters.write(tmp_path / "in/a.wav")
    restore(master, tmp_path / "acc", "--speed", "0.5", "--set-step", "declick.sensitivity=0.4")

    def lacking(self: object) -> str:
        raise AssertionError("nothing is found anew")

    monkeypatch.setattr(masters.Mute, "fingerprint", lacking)
    monkeypatch.setattr(masters.Mute, "look", lacking)
    assert invoke("verify", tmp_path / "acc").returncode == 0
    done = invoke("restore", "-o", tmp_path / "acc", "--revert", "declick")
    assert done.returncode == 0, done.stdout
    assert songs.read(tmp_path / "acc/a.wav").shape == (1, 6 * 44_100)
    assert np.abs(songs.read(tmp_path / "acc/a.wav")).max() > masters.LOUD
    assert invoke("verify", tmp_path / "acc").returncode == 0
