import random
import shutil
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from morphsep import manifest
from morphsep.manifest import ChunkRow, StepRow, TrackRow
from morphsep.manifest import compaction as manifest_compact
from morphsep.manifest import parts as manifest_parts
from morphsep.manifest.schemas import reference
from morphsep.storage.locations import Location, location
from tests.object_store import ObjectStore


def ok(track: str, key: str = "k") -> tuple[TrackRow, list[ChunkRow]]:
    row = TrackRow(track=track, status="ok", input=f"in/{track}", output=track, key=key, lufs=-14.0)
    return row, [ChunkRow(track=track, key=key, index=i, status="morphed") for i in range(3)]


def test_a_committed_track_is_read_back(tmp_path: Path) -> None:
    manifest.commit(tmp_path, *ok("a.wav"))
    (row,) = manifest.read_tracks(tmp_path)
    assert (row.track, row.status, row.lufs, row.gain_db) == ("a.wav", "ok", -14.0, None)
    assert [c.index for c in manifest.read_chunks(tmp_path)] == [0, 1, 2]


def test_the_newest_row_of_a_track_counts_and_brings_its_own_chunks(tmp_path: Path) -> None:
    manifest.commit(tmp_path, *ok("a.wav", "first"))
    manifest.commit(tmp_path, TrackRow(track="a.wav", status="failed", error_code="internal"))
    assert [r.status for r in manifest.read_tracks(tmp_path)] == ["failed"]
    assert manifest.read_chunks(tmp_path) == []
    manifest.commit(tmp_path, *ok("a.wav", "second"))
    assert {c.key for c in manifest.read_chunks(tmp_path)} == {"second"}


def test_compacting_loses_no_row_and_drops_replaced_ones(tmp_path: Path) -> None:
    for n in range(5):
        manifest.commit(tmp_path, *ok(f"{n}.wav"))
    manifest.commit(tmp_path, *ok("3.wav", "again"))
    tracks, chunks = manifest.read_tracks(tmp_path), manifest.read_chunks(tmp_path)
    assert manifest.compact(tmp_path) == (12, 2)
    assert manifest.read_tracks(tmp_path) == tracks
    assert manifest.read_chunks(tmp_path) == chunks
    assert len(pq.read_table(tmp_path / "manifest" / "tracks")) == 5
    assert manifest.compact(tmp_path) == (2, 2)


KILLED = """
import os, pathlib, sys
from morphsep import manifest
left = int(sys.argv[2])
unlink = pathlib.Path.unlink
def dying(self, **kwargs):
    global left
    left -= 1
    if left < 0 and not self.name.startswith("."):
        os._exit(9)
    unlink(self, **kwargs)
pathlib.Path.unlink = dying
manifest.compact(pathlib.Path(sys.argv[1]))
"""


@pytest.mark.parametrize("removed", [0, 3, 7])
def test_a_compaction_killed_half_way_loses_no_row(tmp_path: Path, removed: int) -> None:
    for n in range(4):
        manifest.commit(tmp_path, *ok(f"{n}.wav"))
    tracks, chunks = manifest.read_tracks(tmp_path), manifest.read_chunks(tmp_path)
    arguments = [sys.executable, "-c", KILLED, str(tmp_path), str(removed)]
    assert subprocess.run(arguments, check=False).returncode == 9
    assert manifest.read_tracks(tmp_path) == tracks
    assert manifest.read_chunks(tmp_path) == chunks
    manifest.compact(tmp_path)
    assert manifest.read_tracks(tmp_path) == tracks
    assert manifest.read_chunks(tmp_path) == chunks


@pytest.fixture
def bucket(store: ObjectStore) -> Location:
    return location(store.url("manifest-test"))


def test_an_object_store_does_as_well_even_while_it_fails(
    server: ObjectStore, bucket: Location
) -> None:
    assert manifest.read_tracks(bucket) == []
    for n in range(3):
        manifest.commit(bucket, *ok(f"{n}.wav"))
    for method in ("GET", "PUT", "DELETE"):
        server.fail("503", times=2, method=method)
    tracks, chunks = manifest.read_tracks(bucket), manifest.read_chunks(bucket)
    assert [row.track for row in tracks] == ["0.wav", "1.wav", "2.wav"]
    assert len(chunks) == 9
    assert manifest.compact(bucket) == (6, 2)
    assert manifest.read_tracks(bucket) == tracks
    assert manifest.read_chunks(bucket) == chunks


def test_an_empty_folder_has_no_rows(tmp_path: Path) -> None:
    assert manifest.read_tracks(tmp_path) == manifest.read_chunks(tmp_path) == []
    assert manifest.count_by_status(tmp_path) == {}
    assert manifest.compact(tmp_path) == (0, 0)


def test_a_clock_that_is_behind_does_not_bring_an_old_row_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = manifest.commit(tmp_path, *ok("a.wav", "first"))
    monkeypatch.setattr(time, "time_ns", lambda: first.finished_ns - 10**12)
    second = manifest.commit(tmp_path, *ok("a.wav", "second"), after=first.finished_ns)
    assert second.finished_ns == first.finished_ns + 1
    assert [row.key for row in manifest.read_tracks(tmp_path)] == ["second"]
    assert {row.key for row in manifest.read_chunks(tmp_path)} == {"second"}


def test_some_columns_of_the_newest_rows(tmp_path: Path) -> None:
    manifest.commit(tmp_path, *ok("b.wav"))
    manifest.commit(tmp_path, TrackRow(track="a.wav", status="failed"))
    manifest.commit(tmp_path, *ok("a.wav"))
    manifest.commit(tmp_path, TrackRow(track="c.wav", status="skipped"))
    known = manifest.read_known(tmp_path, ["status", "key"])
    assert known.column_names == ["track", "finished_ns", "status", "key"]
    assert known["track"].to_pylist() == ["a.wav", "b.wav", "c.wav"]
    assert known["key"].to_pylist() == ["k", "k", None]
    assert manifest.count_by_status(tmp_path) == {"ok": 2, "skipped": 1}


def test_chunks_come_by_track_and_once_also_from_several_files(tmp_path: Path) -> None:
    for n in range(4):
        manifest.commit(tmp_path, *ok(f"{n}.wav"))
    folder = tmp_path / "manifest" / "chunks"
    shutil.copytree(folder, tmp_path / "copy")
    manifest.compact(tmp_path)
    shutil.copytree(tmp_path / "copy", folder, dirs_exist_ok=True)  # killed before it removed them
    found = dict(manifest.chunks_by_track(tmp_path))
    assert sorted(found) == [f"{n}.wav" for n in range(4)]
    assert all([row.index for row in rows] == [0, 1, 2] for rows in found.values())
    only = manifest.read_tracks(tmp_path)[:1]
    assert [track for track, _ in manifest.chunks_by_track(tmp_path, only)] == ["0.wav"]
    manifest.compact(tmp_path)
    assert len(pq.read_table(folder)) == 12


def test_a_part_says_the_same_to_us_and_to_every_parquet_reader(tmp_path: Path) -> None:
    # a name that holds what our reader looks for, but for the checksum
    mark = manifest_parts._version(manifest.schema(TrackRow)).decode()
    manifest.commit(tmp_path, TrackRow(track=f"{mark}:00000000:AA; ü.wav", message=mark, lufs=-1e9))
    (row,) = manifest.read_tracks(tmp_path)
    (part,) = (tmp_path / "manifest" / "tracks").iterdir()
    assert pq.ParquetFile(part).read().to_pylist() == [
        {f.name: getattr(row, f.name) for f in fields(TrackRow)}
    ]


def test_a_part_is_not_opened_as_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest.commit(tmp_path, *ok("a.wav"))

    def slow(*args: object) -> None:
        raise AssertionError

    monkeypatch.setattr(pq, "ParquetFile", slow)
    assert len(manifest.read_tracks(tmp_path)) == 1
    assert len(manifest.read_chunks(tmp_path)) == 3


def test_a_part_of_another_version_is_read_as_ordinary_parquet(tmp_path: Path) -> None:
    row = manifest.commit(tmp_path, *ok("a.wav"))
    (part,) = (tmp_path / "manifest" / "tracks").iterdir()
    older = pq.ParquetFile(part).read().drop_columns(["lufs", "settings"])
    assert b"rows" in older.schema.metadata  # a copy of our rows as they were before
    pq.write_table(older, part)
    (read,) = manifest.read_tracks(tmp_path)
    assert (read.track, read.finished_ns, read.lufs) == ("a.wav", row.finished_ns, None)
    manifest.compact(tmp_path)
    assert manifest.read_tracks(tmp_path) == [read]


def test_large_files_are_left_alone_until_their_rows_are_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest_compact, "FULL", {"tracks": 5, "chunks": 15, "steps": 15})
    for n in range(6):
        manifest.commit(tmp_path, *ok(f"{n}.wav"))
    assert manifest.compact(tmp_path) == (12, 2)
    large = set((tmp_path / "manifest").rglob("*.parquet"))
    for n in range(6, 9):
        manifest.commit(tmp_path, *ok(f"{n}.wav"))
    assert manifest.compact(tmp_path) == (8, 4)
    assert large < set((tmp_path / "manifest").rglob("*.parquet"))
    manifest.commit(tmp_path, *ok("0.wav", "again"))
    assert manifest.compact(tmp_path) == (6, 4)
    assert not large & set((tmp_path / "manifest").rglob("*.parquet"))
    assert len(manifest.read_tracks(tmp_path)) == 9
    assert len(manifest.read_chunks(tmp_path)) == 27
    assert len(pq.read_table(tmp_path / "manifest" / "chunks")) == 27


def test_chunks_whose_track_is_just_being_committed_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest.commit(tmp_path, *ok("a.wav", "first"))
    really = manifest.write_part

    def compacting_in_between(place: Location, table: object) -> None:
        if place.parent.name == "tracks":
            manifest.compact(tmp_path)
        really(place, table)

    monkeypatch.setattr(manifest, "write_part", compacting_in_between)
    manifest.commit(tmp_path, *ok("a.wav", "second"))
    manifest.commit(tmp_path, *ok("b.wav", "second"))
    assert [row.key for row in manifest.read_chunks(tmp_path)] == ["second"] * 6


COMMITS = """
import sys
from morphsep import manifest
from morphsep.manifest import ChunkRow, TrackRow
out, first = sys.argv[1], int(sys.argv[2])
for n in range(first, first + 100000):
    name = f"{n % 150:05d}.wav"
    chunks = [ChunkRow(track=name, key=f"{n}", index=i) for i in range(2)]
    row = manifest.commit(out, TrackRow(track=name, status="ok", key=f"{n}"), chunks)
    print(name, row.key, row.finished_ns, flush=True)
"""

COMPACTS = """
import sys
from morphsep import manifest, manifest_compact
manifest_compact.FULL.update(tracks=60, chunks=120)
while True:
    manifest.compact(sys.argv[1])
    print("done", flush=True)
"""


def test_nothing_is_lost_when_compaction_is_killed_again_and_again(tmp_path: Path) -> None:
    """A worker commits, a compactor works and is killed at random moments, we read meanwhile."""
    chance = random.Random(3)
    log = (tmp_path / "log").open("w+")
    out = tmp_path / "out"
    worker = subprocess.Popen([sys.executable, "-c", COMMITS, str(out), "0"], stdout=log)
    kills = 0
    seen = 0
    with worker, log:
        while kills < 6:
            with subprocess.Popen(
                [sys.executable, "-c", COMPACTS, str(out)], stdout=subprocess.PIPE
            ) as compactor:
                assert compactor.stdout is not None
                compactor.stdout.readline()
                time.sleep(chance.uniform(0, 0.4))
                now = len(manifest.read_tracks(out))
                assert now >= seen
                seen = now
                compactor.kill()
                kills += 1
        worker.kill()
        worker.wait()
        log.seek(0)
        committed = [line.split() for line in log.read().splitlines() if line.count(" ") == 2]
    newest = {name: (key, int(stamp)) for name, key, stamp in committed}
    for _ in range(2):
        rows = {row.track: (row.key, row.finished_ns) for row in manifest.read_tracks(out)}
        # the worker was killed too: one commit may be done and not said
        late = {name for name in rows if rows[name] != newest.get(name)}
        assert rows.keys() >= newest.keys()
        assert len(late) <= 1
        assert all(rows[name][1] >= newest[name][1] for name in late & newest.keys())
        chunks = dict(manifest.chunks_by_track(out))
        assert chunks.keys() == rows.keys()
        assert all([c.index for c in found] == [0, 1] for found in chunks.values())
        manifest.compact(out)
    assert len(pq.read_table(out / "manifest" / "tracks")) == len(rows)


@pytest.mark.parametrize("row_type", [TrackRow, ChunkRow, StepRow])
def test_every_column_is_documented_and_typed(row_type: type) -> None:
    schema = manifest.schema(row_type)
    assert schema.names == [f.name for f in fields(row_type)]
    for field in schema:
        assert field.metadata[b"description"].endswith(b".")


def test_the_reference_page_is_the_schema() -> None:
    page = Path(__file__).parents[1] / "docs" / "reference" / "manifest.md"
    assert reference() in page.read_text(encoding="utf-8")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    for n in range(3):
        manifest.commit(tmp_path, *ok(f"{n} ü.wav"))
    manifest.commit(tmp_path, TrackRow(track="bad.wav", error_code="not_audio", message="no"))
    manifest.compact(tmp_path)
    return tmp_path / "manifest"


def test_pandas_opens_it(written: Path) -> None:
    import pandas as pd

    tracks = pd.read_parquet(written / "tracks")
    assert sorted(tracks.status) == ["failed", "ok", "ok", "ok"]
    assert len(pd.read_parquet(written / "chunks")) == 9


def test_duckdb_opens_it(written: Path) -> None:
    import duckdb

    query = f"select track from '{written}/tracks/*.parquet' where status = 'failed'"
    assert duckdb.sql(query).fetchall() == [("bad.wav",)]


def test_datasets_opens_it(written: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    files = str(written / "tracks" / "*.parquet")
    rows = load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "c"))
    assert len(rows) == 4
    assert set(rows["status"]) == {"ok", "failed"}
