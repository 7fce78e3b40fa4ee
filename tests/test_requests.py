"""What a song costs in an object store: requests have a price, and a wait each."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from jobs.estimate_cost import Assumed
from morphsep.pipelines import REPROCESS
from morphsep.request import collect, make_settings
from morphsep.run import run, settle_jobs
from morphsep.storage import Location, location, mirrored, object_store
from morphsep.storage.files import PLENTY_BYTES
from tests import songs
from tests.object_store import ObjectStore

OF_A_SECTION = 18
"""Requests of each section after the first."""
BEATS = re.compile(r"/\.morphsep/(lease|run)\.json$")
"""Signs of life come with time, not with songs."""


def song(place: Location, folder: Path, name: str, seconds: float) -> None:
    folder.mkdir(exist_ok=True)
    second = songs.guitar(1.0)
    soundfile.write(folder / name, np.tile(second, int(seconds)).T, 44100)
    (place / "in" / name).write_bytes((folder / name).read_bytes())


def asked_of(store: ObjectStore, place: Location) -> list[str]:
    """What was asked for in one place; others may still be at work elsewhere in the store."""
    return [line for line in store.requests() if place.name in line]


def across_disks(*_: object) -> None:
    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


def requests(store: ObjectStore, place: Location, out: str, **more: object) -> Counter[str]:
    """What a run asks for, by kind."""
    settings = {"to": "overdrive", "separator": "none", "uniform": False} | more
    jobs = settle_jobs(collect([str(place / "in")], str(place / out), make_settings(**settings)))
    store.recover()
    summary = run(jobs, str(place / out), REPROCESS)
    assert len(summary.done) == len(jobs)
    asked = [line for line in asked_of(store, place) if not BEATS.search(line)]
    return Counter(
        "LIST" if "list-type" in line else line.split()[0] + (" part" * ("partNumber" in line))
        for line in asked
    )


@pytest.mark.parametrize("seconds", [60, pytest.param(240, marks=pytest.mark.slow)])
def test_a_song_of_four_minutes_costs_what_the_estimate_says(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    """Or one of a minute, in as many parts."""
    monkeypatch.setattr(object_store, "PART", object_store.PART * seconds // 240)
    place = location(store.url(tmp_path.name))
    song(place, tmp_path / "in", "a.flac", 3)
    without = requests(store, place, "out")
    song(place, tmp_path / "in", "b.flac", seconds)
    found = requests(store, place, "out2") - without
    assert 0 < found.total() <= Assumed(head_price=0.2).requests_per_song, found
    assert found["PUT part"] > 0, "its stem is uploaded in parts"


def test_each_section_costs_a_few_more_however_long_it_is(
    store: ObjectStore, tmp_path: Path
) -> None:
    place = location(store.url(tmp_path.name))
    song(place, tmp_path / "in", "a.flac", 20)
    whole = requests(store, place, "out").total()
    in_four = requests(store, place, "out2", section=5, chunk=5).total()
    assert 0 < in_four - whole <= 3 * OF_A_SECTION


@pytest.mark.parametrize("has_two_disks", [False, True])
def test_what_was_read_or_written_is_not_read_again(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_two_disks: bool
) -> None:
    if has_two_disks:  # one for temporary files, one for the copies
        monkeypatch.setattr(os, "link", across_disks)
    place = location(store.url(tmp_path.name))
    (place / "x" / "read").write_bytes(b"a" * 1000)
    ours = mirrored(place / "x", tmp_path / "copies")
    assert [each.name for each in ours.children()] == ["read"]
    assert not (ours / "written").exists()
    (ours / "written").write_bytes(b"b")
    with (ours / "streamed").writing() as path:
        path.write_bytes(b"c")
    (read,) = (each for each in ours.children() if each.name == "read")
    for _ in range(2):
        with read.open() as file:
            assert file.read() == b"a" * 1000
    before = asked_of(store, place)
    assert (ours / "written").read_bytes() == b"b"
    with read.open() as file, (ours / "streamed").open() as other:
        assert file.read(1) + other.read() == b"ac"
    assert (ours / "streamed").exists()
    assert asked_of(store, place) == before
    assert {each.name for each in (place / "x").children()} == {"read", "written", "streamed"}
    (ours / "read").remove()
    assert not (ours / "read").exists()
    ours.remove_tree()
    assert (place / "x").walk() == []
    assert not (ours / "written").exists()


def test_what_the_store_has_not_taken_has_no_copy(store: ObjectStore, tmp_path: Path) -> None:
    ours = mirrored(location(store.url(tmp_path.name)) / "x", tmp_path / "copies")
    try:
        with (ours / "a").writing() as path:
            path.write_bytes(b"half")
            raise InterruptedError
    except InterruptedError:
        pass
    assert not (ours / "a").exists()
    assert not [path for path in (tmp_path / "copies").rglob("*") if path.is_file()]


def test_a_machine_without_room_does_without_copies(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "full").write_bytes(b"no folder")
    ours = mirrored(location(store.url(tmp_path.name)) / "x", tmp_path / "full")
    (ours / "a").write_bytes(b"a")
    assert (ours / "a").read_bytes() == b"a"
    with (ours / "b").writing() as path:
        path.write_bytes(b"b")
    assert (ours / "b").exists()
    with (ours / "b").open() as file:
        assert file.read() == b"b"


@pytest.mark.parametrize("free", [PLENTY_BYTES, PLENTY_BYTES * 20])
def test_copies_leave_room_for_what_is_needed(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int
) -> None:
    place = location(store.url(tmp_path.name)) / "x"
    ours = mirrored(place, tmp_path / "copies")
    usage = SimpleNamespace(total=PLENTY_BYTES * 500, free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    (ours / "a").write_bytes(b"a")
    with (ours / "b").writing() as path:
        path.write_bytes(b"b")
    (place / "c").write_bytes(b"c")
    with (ours / "a").open() as a, (ours / "b").open() as b, (ours / "c").open() as c:
        assert a.read() + b.read() + c.read() == b"abc"
    assert (ours / "a").read_bytes() == b"a"
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_copy_that_another_worker_removes_is_read_from_the_store(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = location(store.url(tmp_path.name)) / "x"
    (place / "a").write_bytes(b"a")
    fetch = Location.fetch

    def swept(self: Location, to: Path) -> None:
        fetch(self, to)
        shutil.rmtree(to.parent)

    monkeypatch.setattr(Location, "fetch", swept)
    ours = mirrored(place, tmp_path / "copies")
    with (ours / "a").open() as file:
        assert file.read() == b"a"
    with pytest.raises(FileNotFoundError):
        (ours / "b").open()


def test_a_folder_on_a_disk_is_its_own_copy(tmp_path: Path) -> None:
    assert mirrored(location(tmp_path), tmp_path / "copies") == location(tmp_path)
