import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from morphsep import manifest
from morphsep.manifest import ChunkRow, TrackRow


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


@pytest.mark.parametrize("row_type", [TrackRow, ChunkRow])
def test_every_column_is_documented_and_typed(row_type: type) -> None:
    schema = manifest.schema(row_type)
    assert schema.names == [f.name for f in fields(row_type)]
    for field in schema:
        assert field.metadata[b"description"].endswith(b".")


def test_the_reference_page_is_the_schema() -> None:
    page = Path(__file__).parents[1] / "docs" / "manifest.md"
    assert manifest.reference() in page.read_text(encoding="utf-8")


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
