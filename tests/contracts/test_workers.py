"""Workers on Ray: what they build they keep, a pool is as large as was said, a long track is spread
over all of it, GPUs are shared as was said, and too many failures stop them."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from morphsep import manifest
from morphsep.pipelines import REPROCESS
from morphsep.request.inputs import collect
from morphsep.request.job import Job
from morphsep.request.settings import make_settings
from morphsep.run.driver import run
from morphsep.run.executors.executor import get_executor
from morphsep.run.executors.step import Pool, Step
from morphsep.run.jobs import settle_jobs
from morphsep.run.verification import verify
from tests import songs
from tests.contracts import witnesses
from tests.contracts.witnesses import GATHERED, notes, pids

pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("default"),  # Ray warns of its own deprecations
    pytest.mark.usefixtures("cluster", "with_witnesses"),
]


def through(pool: Pool, records: int, *steps: Step) -> None:
    assert sorted(get_executor("ray")(steps, range(records), pool)) == list(range(records))


def step(folder: Path, **settings: Any) -> Step:
    gpu = settings.pop("wants_gpu", False)
    call = witnesses.Step(folder=folder, **settings)
    return Step(name="a", call=call, wants_gpu=gpu)


def passed_on(record: int) -> list[int]:
    return [record]


def test_a_pool_is_never_larger_than_max_and_builds_once_a_worker(tmp_path: Path) -> None:
    pool = Pool(min_workers=1, max_workers=2)
    through(pool, 16, step(tmp_path, number=2, pause=0.3))
    assert len(pids(tmp_path, "does")) == 2
    assert sorted(pids(tmp_path, "builds").values()) == [1, 1]
    assert pids(tmp_path, "starts").keys() == pids(tmp_path, "does").keys()


def test_min_workers_are_there_for_the_first_record(tmp_path: Path) -> None:
    through(Pool(min_workers=3, max_workers=3), 1, step(tmp_path, number=3))
    assert len(pids(tmp_path, "starts")) == 3
    assert len(pids(tmp_path, "does")) == 1


@pytest.mark.timeout(120)
def test_more_workers_than_there_is_room_for_are_as_many_as_there_is(tmp_path: Path) -> None:
    others = [Step(name=name, call=passed_on) for name in "bdf"]
    first, last = (step(tmp_path, number=6) for _ in range(2))
    through(Pool(min_workers=50), 6, others[0], first, others[1], last, others[2])
    assert len(pids(tmp_path, "starts")) == 6


@pytest.mark.parametrize(("gpus", "each"), [(0.5, {"0": 2, "1": 2}), (None, {"0": 1, "1": 1})])
def test_gpus_are_shared_as_asked(tmp_path: Path, gpus: float | None, each: dict[str, int]) -> None:
    number = sum(each.values())
    pool = Pool(min_workers=number, gpus=gpus)
    through(pool, 12, step(tmp_path, number=number, pause=0.3, wants_gpu=True))
    seen = {one.pid: one.gpus for one in notes(tmp_path, "does")}
    assert Counter(seen.values()) == each


def test_who_was_given_no_gpu_sees_none(tmp_path: Path) -> None:
    through(Pool(), 2, step(tmp_path, number=1))
    assert {one.gpus for one in notes(tmp_path, "does")} == {""}


def job(path: Path, out: Path, **settings: Any) -> Job:
    base = {"to": "overdrive", "amount": 0.5, "section": 5, "chunk": 5, "uniform": False}
    (found,) = collect([str(path)], out, make_settings(**base | settings))
    return found


@pytest.fixture(scope="module")
def heavy(
    cluster, with_witnesses, witnessed: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The notes of a run over a long track and two short ones, by two workers a stage."""
    folder = tmp_path_factory.mktemp("heavy")
    for name, seconds in (("a", 3.0), ("long", 30.0), ("z", 4.0)):
        songs.write(folder / f"{name}.wav", songs.guitar(seconds, channels=1))
    jobs = [
        job(folder / f"{name}.wav", folder / "out", amount=a, separator="heavy", backend="heavy")
        for name, a in (("a", 0.25), ("long", 0.5), ("z", 0.25))
    ]
    pool = Pool(min_workers=GATHERED, max_workers=GATHERED, gpus=0.5)
    summary = run(settle_jobs(jobs), folder / "out", REPROCESS, executor="ray", pool=pool)
    assert len(summary.done) == 3
    return witnessed


STAGES = {"separator": "separates", "backend": "morphs"}


@pytest.mark.parametrize(("plugin", "most"), [("separator", 1), ("backend", 2)])
def test_weights_are_loaded_once_a_worker(heavy: Path, plugin: str, most: int) -> None:
    """Of a separator, whatever the tracks' amounts are; a backend is another for each of them."""
    done, loaded = pids(heavy, STAGES[plugin]), pids(heavy, f"{plugin} loads")
    assert loaded.keys() == done.keys()
    assert max(loaded.values()) <= most < max(done.values())
    assert len(done) == GATHERED
    assert os.getpid() not in done


@pytest.mark.parametrize("work", STAGES.values())
def test_the_sections_of_a_long_track_are_spread_over_all_workers(heavy: Path, work: str) -> None:
    long = [one for one in notes(heavy, work) if int(one.about) > 4 * 44100]
    assert len(long) >= 5
    assert len({one.pid for one in long}) == GATHERED


@pytest.mark.parametrize("work", STAGES.values())
def test_who_has_weights_is_given_a_gpu(heavy: Path, work: str) -> None:
    assert {one.gpus for one in notes(heavy, work)} <= {"0", "1"}


@pytest.fixture
def failing(tmp_path: Path) -> list[Path]:
    """A good song, six that are none (one of them may have to wait behind the song at work), and
    one whose separator never comes to an end."""
    good = songs.write(tmp_path / "in" / "a.wav", songs.guitar(3.0))
    broken = [tmp_path / "in" / f"b{n}.wav" for n in range(6)]
    for path in broken:
        path.write_bytes(b"no audio")
    return [good, *broken, songs.write(tmp_path / "in" / "c.wav", songs.guitar(4.0))]


def test_too_many_failures_stop_workers_and_a_later_run_goes_on(
    tmp_path: Path, witnessed: Path, failing: list[Path]
) -> None:
    out = tmp_path / "out"
    kinds = {"c.wav": "held"}
    jobs = settle_jobs([job(path, out, separator=kinds.get(path.name, "none")) for path in failing])
    # the held one is first: what fails finds it at work
    jobs = [jobs[-1], *jobs[:-1]]
    pool = Pool(min_workers=2, max_workers=2)
    stopped = run(jobs, out, REPROCESS, executor="ray", pool=pool, max_failures="2")
    assert stopped.stopped == "stopped: 3 tracks failed, and --max-failures allows 2"
    assert len(stopped.failed) == 3
    assert stopped.exit_code in (2, 3)
    before = {row.track: row for row in manifest.read_tracks(out)}
    assert "c.wav" not in before
    assert all(row.status == "ok" for name, row in before.items() if name == "a.wav")

    (witnessed / "released_0___").touch()
    again = run(jobs, out, REPROCESS, executor="ray", pool=pool)
    assert (again.stopped, again.exit_code) == (None, 2)
    rows = {row.track: row for row in manifest.read_tracks(out)}
    assert [rows[path.name].status for path in failing] == ["ok", *["failed"] * 6, "ok"]
    if "a.wav" in before:  # it may or may not have been done when the third failed
        assert rows["a.wav"] == before["a.wav"]
    assert verify(out) == (8, [])
