"""``morphsep restore --bag``: what is finished, in a bag that validates."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from morphsep import restoration
from tests import masters, songs
from tests.commands import invoke


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A declick that needs no network."""
    monkeypatch.setattr(restoration, "Declick", masters.Mute)


def restored(tmp_path: Path, *words: object) -> int:
    given = ("restore", tmp_path / "in", "-o", tmp_path / "out", "--steps", "declick")
    return invoke(*given, "--bag", tmp_path / "bag", *words).returncode


def payload(bag: Path) -> dict[str, str]:
    lines = (bag / "manifest-sha256.txt").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split(None, 1) for line in lines)}


def test_the_bag_holds_all_that_is_finished_and_no_master(tmp_path: Path) -> None:
    songs.write(tmp_path / "in" / "side a" / "one.wav", songs.guitar(1.0, channels=1))
    (tmp_path / "in" / "broken.wav").write_bytes(b"no audio")
    assert restored(tmp_path) == 2
    held = payload(tmp_path / "bag")
    names = {name.removeprefix("data/") for name in held}
    assert "side a/one.wav" in names
    assert {name for name in names if ".diff." in name}
    assert any(name.startswith("manifest/steps/") for name in names)
    assert not any("broken" in name and not name.startswith("report") for name in names)
    for name, digest in held.items():
        assert hashlib.sha256((tmp_path / "bag" / name).read_bytes()).hexdigest() == digest
    for name in names:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "bag/data" / name).read_bytes()


def test_the_next_run_replaces_the_bag(tmp_path: Path) -> None:
    songs.write(tmp_path / "in" / "one.wav", songs.guitar(1.0, channels=1))
    assert restored(tmp_path) == 0
    songs.write(tmp_path / "in" / "two.wav", songs.guitar(1.0, channels=1, seed=1))
    assert restored(tmp_path) == 0
    assert {"data/one.wav", "data/two.wav"} <= payload(tmp_path / "bag").keys()


def test_where_nothing_is_finished_there_is_no_bag(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "broken.wav").write_bytes(b"no audio")
    assert restored(tmp_path) == 3
    assert not (tmp_path / "bag").exists()


@pytest.mark.parametrize("place", ["out/bag", "out", "."])
def test_a_bag_and_the_folder_do_not_lie_in_one_another(tmp_path: Path, place: str) -> None:
    songs.write(tmp_path / "in" / "one.wav", songs.guitar(1.0, channels=1))
    assert restored(tmp_path, "--bag", tmp_path / place) == 1
    assert not (tmp_path / "out").exists(), "refused before anything is done"
