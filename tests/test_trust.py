"""A run that has nothing to do reads rows and stamps, and opens no file; whatever has changed is
noticed all the same."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from obstore.store import MemoryStore

import morphsep
from morphsep import manifest
from morphsep.errors import RefusedError
from morphsep.pipelines import REPROCESS
from morphsep.request import collect, make_settings
from morphsep.run import driver, run, settle_jobs
from morphsep.run.summary import Summary
from morphsep.stages import readable, trust
from morphsep.storage import Location, StorageError, full_stamps, location, object_store
from morphsep.storage.faults import retries
from tests import songs
from tests.object_store import ObjectStore

SETTINGS = {"to": "fuzz", "stem": "{stem}.guitar.wav", "uniform": False}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What runs look into; all else of them is rows and stamps."""
    names: list[str] = []
    real = readable.local_copy

    def local_copy(path: str, scratch: Path, known: str = "") -> tuple[str, str | None]:
        names.append(Path(path).name)
        return real(path, scratch, known)

    monkeypatch.setattr(readable, "local_copy", local_copy)
    return names


def go(inputs: Location | Path, out: Location | Path, **settings: object) -> Summary:
    chosen = make_settings(**(SETTINGS | settings))
    return run(settle_jobs(collect([str(inputs)], str(out), chosen)), str(out), REPROCESS)


def library(folder: Path) -> Path:
    for name in ("a.wav", "b.wav"):
        songs.song(folder / "in", 1.0, name=name)
    return folder / "in"


def test_nothing_is_opened_where_nothing_has_changed(tmp_path: Path, opened: list[str]) -> None:
    first = go(library(tmp_path), tmp_path / "out")
    assert opened
    opened.clear()
    again = go(tmp_path / "in", tmp_path / "out")
    assert opened == []
    assert [result.fate for result in again.tracks.values()] == ["skipped"] * 2
    assert [o.row for o in again.outcomes] == [o.row for o in first.outcomes]


def rewritten(path: Path) -> None:
    """Another content of the same length, and the time set back."""
    before = path.stat()
    data = path.read_bytes()
    path.write_bytes(data[:-400] + bytes(400))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


CHANGES: dict[str, Callable[[Path], None]] = {
    "the input": lambda top: rewritten(top / "in/a.wav"),
    "the stem": lambda top: rewritten(top / "in/a.guitar.wav"),
    "the output": lambda top: rewritten(top / "out/a.wav"),
    "the output is gone": lambda top: (top / "out/a.wav").unlink(),
    "the output is cut": lambda top: os.truncate(top / "out/a.wav", 1000),
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_has_changed_is_done_again(tmp_path: Path, what: str) -> None:
    go(library(tmp_path), tmp_path / "out")
    CHANGES[what](tmp_path)
    again = go(tmp_path / "in", tmp_path / "out")
    assert {track: result.fate for track, result in again.tracks.items()} == {
        "a.wav": "done", "b.wav": "skipped",
    }  # fmt: skip


def touched(top: Path) -> None:
    for path in top.rglob("*.wav"):
        os.utime(path)


def copied(top: Path) -> None:
    """As when a disk is restored from a backup."""
    for name in ("in", "out"):
        shutil.copytree(top / name, top / "copy", copy_function=shutil.copyfile)
        shutil.rmtree(top / name)
        (top / "copy").rename(top / name)


def of_an_older_version(top: Path) -> None:
    """Rows that say nothing of stamps."""
    for part in (top / "out/manifest/tracks").iterdir():
        table = pq.read_table(part)
        pq.write_table(table.drop_columns([n for n in table.column_names if "stamp" in n]), part)


@pytest.mark.parametrize("change", [touched, copied, of_an_older_version])
def test_files_that_only_look_other_are_looked_into_once(
    tmp_path: Path, opened: list[str], change: Callable[[Path], None]
) -> None:
    first = go(library(tmp_path), tmp_path / "out")
    chunks = manifest.read_chunks(tmp_path / "out")
    change(tmp_path)
    for is_opened in (True, False):
        opened.clear()
        again = go(tmp_path / "in", tmp_path / "out")
        assert bool(opened) == is_opened
        assert [result.fate for result in again.tracks.values()] == ["skipped"] * 2
    key = [(o.row.output_hash, o.row.finished_ns) for o in first.outcomes]
    assert [(o.row.output_hash, o.row.finished_ns) for o in again.outcomes] == key
    assert manifest.read_chunks(tmp_path / "out") == chunks


def test_a_library_that_has_moved_is_looked_into_once(tmp_path: Path, opened: list[str]) -> None:
    go(library(tmp_path), tmp_path / "out")
    (tmp_path / "in").rename(tmp_path / "moved")
    for is_opened in (True, False):
        opened.clear()
        again = go(tmp_path / "moved", tmp_path / "out")
        assert bool(opened) == is_opened
        assert {Path(o.row.input).parent.name for o in again.outcomes} == {"moved"}


def test_sound_that_another_version_would_read_otherwise_is_read_again(
    tmp_path: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    go(library(tmp_path), tmp_path / "out")
    monkeypatch.setattr(trust.scanning, "VERSION", trust.scanning.VERSION + 1)
    opened.clear()
    go(tmp_path / "in", tmp_path / "out")
    assert opened


def test_separated_parts_are_trusted_and_missed(tmp_path: Path, opened: list[str]) -> None:
    path, out = songs.song(tmp_path, 1.0), tmp_path / "out"
    row = morphsep.separate_file(path, out, stem=SETTINGS["stem"])
    opened.clear()
    assert morphsep.separate_file(path, out, stem=SETTINGS["stem"]) == row
    assert opened == []
    assert row.backing is not None
    (out / row.backing).unlink()
    assert morphsep.separate_file(path, out, stem=SETTINGS["stem"]).finished_ns > row.finished_ns
    assert (out / row.backing).exists()


def test_a_bucket_is_listed_and_not_read(
    store: ObjectStore, tmp_path: Path, opened: list[str]
) -> None:
    place = location(store.url(tmp_path.name))
    for name in ("a.wav", "b.wav", "c.wav", "d.wav"):
        path = songs.song(tmp_path / "in", 1.0, name=name)
        for file in (path, path.with_suffix(".guitar.wav")):
            (place / "in" / file.name).write_bytes(file.read_bytes())
    go(place / "in", place / "out")
    opened.clear()
    store.recover()
    again = go(place / "in", place / "out")
    assert {result.fate for result in again.tracks.values()} == {"skipped"}
    assert opened == []
    asked = [line.partition("?")[0] for line in store.requests()]
    assert not [line for line in asked if line.endswith(".wav")], "listings tell of all of them"
    data = (tmp_path / "in/a.wav").read_bytes()
    (place / "in/a.wav").write_bytes(data[:-400] + bytes(400))
    (place / "out/b.wav").remove()
    again = go(place / "in", place / "out")
    done = {track for track, result in again.tracks.items() if result.fate == "done"}
    assert done == {"a.wav", "b.wav"}


def test_a_listing_passes_over_what_nobody_asks_for(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store.listing, "PAGE", 5)
    place = location(store.url(tmp_path.name))
    names = [f"{n:03d} ä.wav" for n in range(60)]
    for name in names:
        (place / "x" / name).write_bytes(name.encode())
    wanted = [place / "x" / name for name in (names[3], names[58], "004 gone", *names[20:29])]
    found = object_store.full_stamps([each.text for each in reversed(wanted)])[::-1]
    assert found == [each.stamp() for each in wanted]
    assert found[2] is None
    assert all(found[:2] + found[3:])


@pytest.mark.parametrize("between", [1, 12, 15, 23])
def test_a_listing_ends_however_much_lies_between(
    monkeypatch: pytest.MonkeyPatch, between: int
) -> None:
    bucket, pages, real = MemoryStore(), list[Sequence[Any]](), object_store.listing._page
    wanted = ["songs/b", "songs/c", "songs/d", "songs/e"]
    for key in [f"songs/a/{n:02d} %20#ä" for n in range(between)] + wanted:
        bucket.put(key, key.encode())

    def page(store: Any, folder: str, after: str) -> Sequence[Any]:
        pages.append(real(store, folder, after))
        assert len(pages) <= (between + len(wanted)) // 5 + 1
        return pages[-1]

    monkeypatch.setattr(object_store.listing, "PAGE", 5)
    monkeypatch.setattr(object_store.listing, "_page", page)
    monkeypatch.setattr(object_store.listing, "client", lambda uri: (bucket, uri[len("s3://b/") :]))
    assert all(object_store.full_stamps([f"s3://b/{key}" for key in wanted]))


@pytest.mark.parametrize("where", ["list-type", "009"])
def test_a_listing_goes_on_where_the_store_stumbled(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(object_store.listing, "PAGE", 5)
    place = location(store.url(tmp_path.name)) / "x"
    places = [place / f"{n:03d}" for n in range(20)]
    for each in places:
        each.write_bytes(each.name.encode())
    store.fail("503", times=1, method="GET", key=where)
    store.fail("reset", times=1, method="GET", key=where)
    before = retries()
    found = object_store.full_stamps([each.text for each in places])
    assert retries() - before == 2
    assert found == [each.stamp() for each in places]


@pytest.mark.parametrize("num", [2, 6])
def test_what_may_not_be_looked_at_has_no_stamp(
    store: ObjectStore, tmp_path: Path, num: int
) -> None:
    """And keeps nobody from looking at the others."""
    (tmp_path / "here").write_bytes(b"x")
    inside = [location(store.url(f"{tmp_path.name}/{n}")) for n in range(num)]
    for place in inside:
        place.write_bytes(b"x")
    elsewhere = [location(f"s3://no-such-bucket-here/{n}") for n in range(num)]
    store.fail("403", times=-1, key="list-type")
    store.fail("403", times=-1, key=f"{tmp_path.name}/0")
    found = full_stamps([*inside, *elsewhere, location(tmp_path / "here")])
    one_by_one = [place.stamp() for place in inside[1:]] if num == 2 else [None] * (num - 1)
    assert found[1:num] == one_by_one
    assert [found[0], *found[num:-1]] == [None] * (num + 1)
    assert found[-1]
    with pytest.raises(RefusedError):
        inside[0].full_stamp()
    assert (inside[1].parent / "gone").full_stamp() is None


def test_a_result_that_is_gone_and_refused_is_made_again(
    store: ObjectStore, tmp_path: Path
) -> None:
    """As stores answer that may not be listed."""
    place, out = songs.song(tmp_path / "in", 1.0), location(store.url(tmp_path.name)) / "out"
    go(place, out)
    (out / "song.wav").remove()
    store.fail("403", times=3, method="HEAD", key="out/song.wav")
    again = go(place, out)
    assert [result.fate for result in again.tracks.values()] == ["done"]
    store.fail("403", times=-1, key="out/song.wav")
    again = go(place, out)
    assert [result.fate for result in again.tracks.values()] == ["failed"]


def test_stamps_that_the_storage_does_not_take_are_put_in_later(
    tmp_path: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    go(library(tmp_path), tmp_path / "out")
    touched(tmp_path)
    calls, real = list[int](), manifest.restamp

    def restamp(out: Location, rows: Sequence[manifest.TrackRow]) -> None:
        calls.append(len(rows))
        if len(calls) == 1:
            raise StorageError("away")
        real(out, rows)

    monkeypatch.setattr(manifest, "restamp", restamp)
    monkeypatch.setattr(driver, "RESTAMP_EVERY", 1)
    monkeypatch.setattr(driver, "COMPACT_EVERY", 1)
    assert [row.fate for row in go(tmp_path / "in", tmp_path / "out").tracks.values()] == [
        "skipped"
    ] * 2
    assert calls == [1, 2]
    opened.clear()
    go(tmp_path / "in", tmp_path / "out")
    assert opened == []


def test_a_row_that_speaks_of_files_elsewhere_is_not_believed(tmp_path: Path) -> None:
    path, out = songs.song(tmp_path, 1.0), location(tmp_path / "out")
    (row,) = go(path, out).done
    jobs = settle_jobs(collect([str(path)], str(out), make_settings(**SETTINGS)))
    assert trust.by_stamps([row], jobs, out, "morph") == [True]
    assert trust.by_content(row, out) == row
    edited = replace(row, output=f"../out/{row.output}")
    assert trust.by_stamps([edited], jobs, out, "morph") == [False]
    assert trust.by_content(edited, out) is None
