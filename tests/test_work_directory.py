"""A work directory of its own: what is needed between stages lies there, the results do not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import morphsep
from morphsep import manifest
from morphsep.errors import SettingError
from morphsep.pipelines import REPROCESS
from morphsep.request.inputs import collect
from morphsep.request.settings import make_settings
from morphsep.run.driver import run
from morphsep.run.executors import Pool
from morphsep.run.jobs import settle_jobs
from morphsep.run.status import read_status
from morphsep.run.verification import verify
from morphsep.stages.workspace import Workspace
from morphsep.storage import locking
from morphsep.storage.locations import Location, location
from tests import songs
from tests.commands import invoke
from tests.object_store import ObjectStore

SETTINGS = {
    "to": "fuzz", "amount": 0.5, "separator": "harmonic", "section": 5, "chunk": 5,
    "uniform": False,
}  # fmt: skip
WITH_THE_RESULTS = {"claims", "lock", "run.json"}


@pytest.fixture
def work(place: Location) -> Location:
    """A place for the work that is not there yet."""
    return place / "work"


def below(place: Location) -> set[str]:
    """First parts of the names below a place's ``.morphsep``."""
    root = f"{place}/.morphsep/"
    return {found.text.removeprefix(root).split("/")[0] for found in location(root).walk()}


def stems(place: Location) -> dict[str, str | None]:
    return {
        p.text: p.stamp() for p in (place / ".morphsep/stems").walk() if p.text.endswith(".wav")
    }


def test_what_is_needed_between_stages_lies_elsewhere(tmp_path: Path, work: Location) -> None:
    path = songs.song(tmp_path, 3.0)
    row = morphsep.morph_file(path, tmp_path / "out", work_in=str(work), **SETTINGS)
    beside = morphsep.morph_file(path, tmp_path / "beside", **SETTINGS)
    assert (row.key, row.stem_key, row.output_hash) == (
        beside.key, beside.stem_key, beside.output_hash,
    )  # fmt: skip
    assert row.settings == beside.settings
    assert below(location(tmp_path / "out")) == WITH_THE_RESULTS
    assert below(work) - {"lock"} == {"scans", "stems"}


def test_nobody_has_to_say_it_twice(tmp_path: Path, work: Location) -> None:
    path = songs.song(tmp_path, 3.0)
    out = tmp_path / "out"
    first = morphsep.morph_file(path, out, work_in=str(work), **SETTINGS)
    made = stems(work)
    assert made
    assert read_status(str(out)).done == 1
    assert verify(out) == (1, [])
    assert morphsep.read_stem(first, out).any()
    again = morphsep.morph_file(path, out, **SETTINGS)
    assert again == first
    other = morphsep.morph_file(path, out, **SETTINGS | {"amount": 0.7})
    assert other.stem_key == first.stem_key
    assert stems(work) == made
    assert below(location(out)) == WITH_THE_RESULTS
    assert manifest.compact(out)[1] <= 2


def test_it_can_be_moved_and_given_up(tmp_path: Path, work: Location) -> None:
    path = songs.song(tmp_path, 3.0)
    out = tmp_path / "out"
    first = morphsep.morph_file(path, out, **SETTINGS)
    own = stems(location(out))
    moved = morphsep.morph_file(path, out, work_in=str(work), **SETTINGS)
    assert moved == first, "nothing had to be done"
    other = morphsep.morph_file(path, out, **SETTINGS | {"amount": 0.7})
    assert stems(work)
    back = morphsep.morph_file(path, out, work_in=out, **SETTINGS | {"amount": 0.9})
    assert stems(location(out)) == own
    assert len({first.output_hash, other.output_hash, back.output_hash}) == 3
    assert Workspace.of_last_run(out).root == location(out) / ".morphsep"


def test_verify_does_without_a_work_directory_that_is_gone(tmp_path: Path) -> None:
    import shutil

    path = songs.song(tmp_path, 3.0)
    row = morphsep.morph_file(path, tmp_path / "out", work_in=tmp_path / "work", **SETTINGS)
    shutil.rmtree(tmp_path / "work")
    assert verify(tmp_path / "out") == (1, [])
    assert not (tmp_path / "work").exists()
    (tmp_path / "out").rename(tmp_path / "renamed")
    again = morphsep.morph_file(path, tmp_path / "renamed", **SETTINGS)
    assert again == row
    assert (tmp_path / "work").exists(), "the next run goes where the last one was"


def test_an_output_folder_that_was_moved_keeps_its_own(tmp_path: Path) -> None:
    path = songs.song(tmp_path, 3.0)
    morphsep.morph_file(path, tmp_path / "out", **SETTINGS)
    (tmp_path / "out").rename(tmp_path / "moved")
    morphsep.morph_file(path, tmp_path / "moved", **SETTINGS | {"amount": 0.7})
    assert not (tmp_path / "out").exists()


def test_a_second_run_is_kept_out_of_both_folders(tmp_path: Path, work: Location) -> None:
    path = songs.song(tmp_path, 2.0)
    with Workspace(tmp_path / "out", work).locked() as held:
        held.check()
        for out in ("out", "another"):
            with pytest.raises(SettingError, match="another run"):
                morphsep.morph_file(path, tmp_path / out, work_in=str(work), **SETTINGS)
    morphsep.morph_file(path, tmp_path / "another", work_in=str(work), **SETTINGS)


def test_who_loses_either_lock_learns_it(tmp_path: Path) -> None:
    held = locking.Held(locking.Held(), lost := locking.Held())
    held.check()
    lost.lost = True
    with pytest.raises(OSError, match="taken over"):
        held.check()


def test_results_in_a_bucket_and_the_work_on_a_disk(tmp_path: Path, store: ObjectStore) -> None:
    bucket = location(store.url(tmp_path.name))
    (bucket / "in/a.wav").write_bytes(songs.song(tmp_path, 3.0).read_bytes())
    jobs = settle_jobs(
        collect([str(bucket / "in")], str(bucket / "out"), make_settings(**SETTINGS))
    )
    summary = run(jobs, str(bucket / "out"), REPROCESS, work_in=tmp_path / "work")
    assert [row.status for row in summary.done] == ["ok"]
    assert below(bucket / "out") == {"claims", "run.json"}
    assert below(location(tmp_path / "work")) == {"lock", "scans", "stems"}
    assert verify(bucket / "out") == (1, [])


def test_the_command_line(tmp_path: Path) -> None:
    songs.song(tmp_path / "in", 2.0)

    def say(*words: object) -> dict[str, object]:
        done = invoke(*words, "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found

    out, work = tmp_path / "out", tmp_path / "work"
    say("separate", tmp_path / "in", "-o", out, "--work", work, "--separator", "harmonic")
    assert below(location(out)) == WITH_THE_RESULTS
    made = stems(location(work))
    say("morph", tmp_path / "in/song.wav", "-o", out, "--to", "fuzz", "--separator", "harmonic")
    assert set(made.items()) <= set(stems(location(work)).items())
    assert say("status", out)["done"] == 1
    assert say("verify", out)["findings"] == []


@pytest.mark.ray
@pytest.mark.filterwarnings("default")  # Ray warns of its own deprecations
@pytest.mark.usefixtures("cluster")
def test_both_executors_work_there(tmp_path: Path) -> None:
    for name in ("a.wav", "b.flac"):
        songs.write(tmp_path / "in" / name, songs.guitar(6.0))
    hashes = []
    for executor in ("local", "ray"):
        out, work = tmp_path / executor, tmp_path / f"work-{executor}"
        jobs = settle_jobs(collect([str(tmp_path / "in")], out, make_settings(**SETTINGS)))
        pool = Pool(max_workers=1)
        summary = run(jobs, out, REPROCESS, work_in=work, executor=executor, pool=pool)
        hashes.append({row.track: row.output_hash for row in summary.done})
        assert below(location(out)) == WITH_THE_RESULTS
        assert below(location(work)) == {"lock", "scans", "stems"}
    assert hashes[0] == hashes[1]
    assert len(hashes[0]) == 2
