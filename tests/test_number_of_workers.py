"""How many workers a run gets on this machine: no more than pay, fit and find something to do."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from morphsep.cli.app import app
from morphsep.pipelines import REPROCESS
from morphsep.request.inputs import collect
from morphsep.request.settings import make_settings
from morphsep.run import driver, workers
from morphsep.run.costs import header
from morphsep.run.driver import run
from morphsep.run.executors import Pool, machine
from morphsep.run.executors.step import Results, Steps
from morphsep.run.jobs import settle_jobs
from morphsep.run.workers import Work, choose, workers_for
from tests import songs

CLIP = Work(tracks=100, shared=0.1, alone=0.1, memory_gb=0.4)
SONG = Work(shared=4.0, alone=8.0, memory_gb=0.4)
WITH_DEMUCS = Work(model=300.0, shared=4.0, alone=8.0, segments=30, memory_gb=1.5)


@pytest.fixture(autouse=True)
def big(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, cores=2, gb=100.0)


def have(monkeypatch: pytest.MonkeyPatch, cores: int, gb: float) -> None:
    monkeypatch.setattr(workers, "num_cores", lambda: cores)
    monkeypatch.setattr(workers, "free_memory", lambda: gb)


@pytest.mark.parametrize(
    ("work", "cores", "number"),
    [
        ([CLIP], 2, 2),
        ([CLIP], 1, 1),
        ([replace(CLIP, tracks=10)], 2, 1),  # done before a process would have started
        ([replace(CLIP, tracks=3)], 16, 1),
        ([], 16, 1),
        ([SONG], 16, 1),  # one section: nothing to share
        ([replace(SONG, shared=400.0, sections=24)], 16, 16),
        ([replace(SONG, tracks=3)], 16, 3),
        ([WITH_DEMUCS], 2, 1),  # lanes use both cores
        ([replace(WITH_DEMUCS, tracks=3)], 2, 1),
        ([replace(WITH_DEMUCS, tracks=2)], 16, 2),
        ([replace(WITH_DEMUCS, tracks=1000, segments=1)], 16, 16),
    ],
)
def test_as_many_as_are_done_soonest(
    monkeypatch: pytest.MonkeyPatch, work: list[Work], cores: int, number: int
) -> None:
    have(monkeypatch, cores, gb=100.0)
    assert choose(work, Pool())[0] == number


def test_many_songs_with_a_model_use_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, cores=16, gb=100.0)
    number, seconds = choose([replace(WITH_DEMUCS, tracks=1000)], Pool())
    assert number >= 4  # each with four lanes
    assert seconds < 1.1 * 1000 * 312 / 16


def test_no_more_than_memory_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, cores=16, gb=1.3)
    assert choose([CLIP], Pool())[0] == 3
    have(monkeypatch, cores=16, gb=0.1)
    assert choose([CLIP], Pool())[0] == 1


def test_a_gpu_is_left_to_one() -> None:
    assert choose([CLIP], Pool(), uses_gpu=True)[0] == 1


def test_who_asks_gets_as_many() -> None:
    assert choose([], Pool(max_workers=7))[0] == 7
    assert choose([SONG], Pool(min_workers=3))[0] == 3


@pytest.mark.parametrize(
    ("limit", "number"),
    [("max 100000", 8), ("250000 100000", 2), ("50000 100000", 1), ("1600000 100000", 8)],
)
def test_a_container_has_the_cores_that_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, number: int
) -> None:
    monkeypatch.setattr(machine, "CONTAINER", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    assert machine.num_cores() == 8
    (tmp_path / "cpu.max").write_text(limit)
    assert machine.num_cores() == number


def test_a_container_has_the_memory_that_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "CONTAINER", tmp_path)
    monkeypatch.setattr(machine, "MEMORY", tmp_path / "meminfo")
    assert machine.free_memory() == float("inf")
    machine.MEMORY.write_text("MemTotal: 9000000 kB\nMemAvailable: 8000000 kB\n")
    assert machine.free_memory() == pytest.approx(8.192)
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("500000000\n")
    assert machine.free_memory() == pytest.approx(8.192)
    (tmp_path / "memory.max").write_text("2000000000\n")
    assert machine.free_memory() == pytest.approx(1.5)


def test_a_run_asks_for_them_and_what_is_done_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "START", 0.001)
    songs.write(tmp_path / "in" / "0.wav", songs.guitar(3.0))
    for n in range(1, 6):
        os.link(tmp_path / "in" / "0.wav", tmp_path / "in" / f"{n}.wav")
    out = tmp_path / "out"
    asked: list[int | None] = []

    def executor(name: str) -> object:
        def nothing(steps: Steps, records: object, pool: Pool) -> Results:
            asked.append(pool.max_workers)
            yield from ()

        return nothing

    settings = make_settings(to="fuzz", separator="none", uniform=False)
    jobs = settle_jobs(collect([str(tmp_path / "in")], out, settings))
    with monkeypatch.context() as patch:
        patch.setattr(driver, "get_executor", executor)
        for given in (None, Pool(), Pool(max_workers=3)):
            run(jobs, tmp_path / "other", REPROCESS, pool=given)
    assert asked == [1, 2, 3]
    assert run(jobs, out, REPROCESS).exit_code == 0
    other = settle_jobs(collect([str(tmp_path / "in")], out, replace(settings, amount="0.3")))
    asked.clear()
    with monkeypatch.context() as patch:
        patch.setattr(driver, "get_executor", executor)
        for these, force in ((jobs, False), (jobs, True), (other, False)):
            run(these, out, REPROCESS, pool=Pool(), force=force)
    assert asked == [1, 2, 2]


@pytest.mark.parametrize("fault", [OSError(errno.EIO, "Input/output error"), IndexError("odd")])
def test_an_input_that_cannot_be_looked_at_ends_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    audio = songs.write(tmp_path / "a.wav", songs.guitar(0.2))
    jobs = settle_jobs(collect([str(audio)], tmp_path / "out", make_settings(to="fuzz")))

    def broken(path: str) -> None:
        raise fault

    monkeypatch.setattr("morphsep.audio.probe", broken)
    assert workers_for(jobs, "morph", Pool()) == 1
    if isinstance(fault, OSError):
        assert header(jobs[0]) == "it cannot be read: Input/output error"


@pytest.mark.parametrize(
    ("options", "number", "said"),
    [
        ((), 2, "2 workers on this machine"),
        (("--workers", "1"), 1, "1 worker on this machine"),
        (("--workers", "5"), 5, "5 workers on this machine"),
        (("--executor", "ray"), None, None),
        (("--address", "head:6379"), None, None),
    ],
)
def test_a_plan_counts_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...], number: int | None, said: str | None,
) -> None:  # fmt: skip
    monkeypatch.setattr(workers, "START", 0.001)
    for n in range(3):
        songs.write(tmp_path / "in" / f"{n}.wav", songs.guitar(3.0))
    given = ["plan", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--separator", "none"]
    app([*given, *options, "--json"], standalone_mode=False)
    found = json.loads(capsys.readouterr().out)
    assert found["workers"] == number
    assert (found["hours_here"] is None) == (number is None)
    app([*given, *options], standalone_mode=False)
    text = capsys.readouterr().out
    assert (said or "of work (from reference figures)\n") in text
    assert ("for each worker" in text) == (number != 1)
