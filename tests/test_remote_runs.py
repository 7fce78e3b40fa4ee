"""Whole runs whose inputs, stems, results, workspace and manifest lie in an object store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from morphsep import manifest
from morphsep.errors import SettingError
from morphsep.pipelines import REPROCESS
from morphsep.request.inputs import collect
from morphsep.request.settings import make_settings
from morphsep.run.driver import run
from morphsep.run.jobs import settle_jobs
from morphsep.run.status import read_status
from morphsep.run.summary import Summary
from morphsep.run.verification import verify
from morphsep.storage import faults
from morphsep.storage.locations import Location, location
from tests import songs
from tests.object_store import ObjectStore


@pytest.fixture
def bucket(store: ObjectStore, tmp_path: Path) -> Location:
    """With two songs and their stems in it, one in a folder, and one file that is none."""
    place = location(store.url(tmp_path.name))
    songs.song(tmp_path / "in", 6.0, name="a.wav")
    songs.song(tmp_path / "in" / "b", 6.0, name="a.flac")
    (tmp_path / "in" / "broken.wav").write_bytes(b"no audio")
    for path in (tmp_path / "in").rglob("*.*"):
        (place / "in" / path.relative_to(tmp_path / "in").as_posix()).write_bytes(path.read_bytes())
    return place


SETTINGS = {
    "to": "overdrive", "amount": 0.5, "stem": "{stem}.guitar.wav", "section": 5, "chunk": 5,
    "uniform": False,
}  # fmt: skip


def go(inputs: str, out: str) -> Summary:
    jobs = settle_jobs(collect([inputs], out, make_settings(**SETTINGS)))
    return run(jobs, out, REPROCESS)


def read(place: Location) -> np.ndarray:
    with place.open() as file:
        return soundfile.read(file, always_2d=True)[0]


def same_as_here(bucket: Location, tmp_path: Path) -> None:
    """Holds the results in the store against those of a run on this machine."""
    go(str(tmp_path / "in"), str(tmp_path / "out"))
    for row in manifest.read_tracks(location(tmp_path / "out")):
        if row.output is not None:
            ours = (tmp_path / "out" / row.output).read_bytes()
            assert (bucket / "out" / row.output).read_bytes() == ours


def test_a_run_in_a_bucket_is_the_run_on_a_disk(bucket: Location, tmp_path: Path) -> None:
    summary = go(str(bucket / "in"), str(bucket / "out"))
    rows = {row.track: row for row in manifest.read_tracks(bucket / "out")}
    assert {track: row.status for track, row in rows.items()} == {
        "a.wav": "ok", "b/a.flac": "ok", "broken.wav": "failed",
    }  # fmt: skip
    assert rows["b/a.flac"].input == str(bucket / "in/b/a.flac")
    assert summary.exit_code == 2
    same_as_here(bucket, tmp_path)
    assert verify(bucket / "out") == (3, [])
    assert read_status(str(bucket / "out")).done == 2
    left = {str(p).removeprefix(f"{bucket}/out/") for p in (bucket / "out").walk()}
    allowed = (".morphsep/stems/", ".morphsep/scans/", ".morphsep/claims/", "manifest/")
    assert {p for p in left if not p.startswith(allowed)} == {
        "a.wav", "b/a.flac", ".morphsep/run.json",
    }  # fmt: skip


def test_the_same_command_again_does_nothing(bucket: Location) -> None:
    go(str(bucket / "in/a.wav"), str(bucket / "out"))
    stamp = (bucket / "out/a.wav").stamp()
    (outcome,) = go(str(bucket / "in/a.wav"), str(bucket / "out")).outcomes
    assert not outcome.fresh
    assert (bucket / "out/a.wav").stamp() == stamp


def test_a_store_that_fails_for_a_while_is_survived_and_counted(
    bucket: Location, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "FIRST_DELAY", 0.02)  # nobody else is at the store
    store.fail("503", times=4)
    store.fail("reset", times=2, method="PUT", key="stems/")
    store.fail("cut", times=2, method="GET", key="in/")
    store.fail("503", times=2, method="PUT", key="tracks/")
    summary = go(str(bucket / "in"), str(bucket / "out"))
    assert sorted(row.track for row in summary.done) == ["a.wav", "b/a.flac"]
    same_as_here(bucket, tmp_path)
    assert sum(o.row.retries for o in summary.outcomes) > 0


@pytest.mark.parametrize(
    ("method", "key"),
    [("GET", ".morphsep/ended/"), ("PUT", ".morphsep/tries/"), ("PUT", ".morphsep/stems/")],
)
def test_what_is_tried_again_counts_wherever_a_stage_meets_it(
    bucket: Location, store: ObjectStore, monkeypatch: pytest.MonkeyPatch, method: str, key: str
) -> None:
    """Looking whether the track has ended, noting the attempt, and its work."""
    monkeypatch.setattr(faults, "FIRST_DELAY", 0.02)
    store.fail("503", times=1, method=method, key=f"out/{key}")
    (outcome,) = go(str(bucket / "in/a.wav"), str(bucket / "out")).outcomes
    assert (outcome.row.status, outcome.row.retries) == ("ok", 1)


def test_an_object_that_is_refused_is_no_fault_of_its_format(
    bucket: Location, store: ObjectStore
) -> None:
    store.fail("403", times=-1, key="in/a.wav")
    go(str(bucket / "in"), str(bucket / "out"))
    rows = {row.track: row for row in manifest.read_tracks(bucket / "out")}
    assert (rows["a.wav"].error_code, rows["b/a.flac"].status) == ("no_permission", "ok")
    assert "credentials" in (rows["a.wav"].message or "")
    assert str(bucket / "in/a.wav") in (rows["a.wav"].message or "")
    store.recover()
    assert go(str(bucket / "in/a.wav"), str(bucket / "out")).exit_code == 0


def test_a_list_in_a_bucket_names_what_lies_beside_it(bucket: Location) -> None:
    (bucket / "in/list.csv").write_bytes(b"path,to,output\na.wav,chorus,x.wav\nb/a.flac,fuzz,\n")
    jobs = collect([str(bucket / "in/list.csv")], str(bucket / "out"), make_settings(to="clean"))
    assert [(job.track, job.path, job.settings.to) for job in jobs] == [
        ("b/a.flac", str(bucket / "in/b/a.flac"), "fuzz"),
        ("x.wav", str(bucket / "in/a.wav"), "chorus"),
    ]


def test_weights_come_from_a_bucket_and_are_copied_once(
    bucket: Location, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from morphsep.models import weights
    from tests.checkpoints import write_htdemucs

    monkeypatch.setenv("MORPHSEP_WEIGHTS", str(tmp_path / "weights"))
    model = write_htdemucs(tmp_path / "model", kind="safetensors")
    for path in Path(model).iterdir():
        (bucket / "model" / path.name).write_bytes(path.read_bytes())
    uri = str(bucket / "model")
    first = weights.locate(uri)
    assert weights.hash_of(uri) == weights.hash_of(str(model))
    before = len([line for line in store.requests() if "GET" in line and "model/" in line])
    assert weights.locate(uri) == first
    assert len([x for x in store.requests() if "GET" in x and "model/" in x]) == before
    assert weights.locate(uri, offline=True) == first
    monkeypatch.setenv("MORPHSEP_WEIGHTS", str(tmp_path / "elsewhere"))
    with pytest.raises(SettingError, match="offline"):
        weights.locate(uri, offline=True)
