"""Sections worked on twice, out of order, at the same time, or lost on the way: what Ray does with
records when workers die. Results and rows are those of an undisturbed run."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from morphsep import manifest
from morphsep.pipelines import REPROCESS, SEPARATE
from morphsep.request.inputs import collect
from morphsep.request.settings import make_settings
from morphsep.run.driver import run
from morphsep.run.executors.step import Pool, Steps
from morphsep.run.jobs import settle_jobs
from morphsep.run.summary import Summary
from morphsep.run.verification import verify
from tests import songs
from tests.faults.disasters import differences

PIPELINES = {"morph": REPROCESS, "separate": SEPARATE}

COMMANDS = ("morph", "separate")
Executor = Callable[[Steps, Sequence[Any], Pool], Iterator[Any]]

repeated = pytest.mark.parametrize(
    ("command", "force", "number"),
    [
        pytest.param(*how, number, marks=() if number == index % 3 else pytest.mark.slow)
        for index, how in enumerate(product(COMMANDS, (False, True)))
        for number in range(3)
    ],
)
"""Each way three times, one of them always and the others with ``slow``."""


class Shuffled:
    """Any record next; each may come again, at once or when all others are done."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def __call__(self, steps: Steps, records: Sequence[Any], pool: Pool) -> Iterator[Any]:
        waiting = [(0, record) for record in records]
        again: list[tuple[int, Any]] = []
        while waiting or again:
            if not waiting:
                waiting, again = again, []
            at, record = waiting.pop(self._random.randrange(len(waiting)))
            if at == len(steps):
                yield record
                continue
            chance = self._random.random()
            if chance < 0.15:
                steps[at].call(record)  # the worker died before anybody heard
            elif chance < 0.3:
                waiting.append((at, record))
            elif chance < 0.4:
                again.append((at, record))
            following = steps[at].call(record)
            if chance > 0.9:
                following = steps[at].call(record) or following
            waiting += [(at + 1, one) for one in following]


class AtOnce:
    """Every record given to two workers at the same time."""

    def __call__(self, steps: Steps, records: Sequence[Any], pool: Pool) -> Iterator[Any]:
        with ThreadPoolExecutor(6) as workers:
            running = {}

            def begin(at: int, record: Any) -> None:
                for _ in range(2):
                    running[workers.submit(steps[at].call, record)] = at

            for record in records:
                begin(0, record)
            seen: set[tuple[int, Any]] = set()
            while running:
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    at = running.pop(future) + 1
                    for record in future.result():
                        if at == len(steps):
                            yield record
                        elif (key := (at, record.job.track, record.section)) not in seen:
                            seen.add(key)
                            begin(at, record)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two songs, one of them under two names (so that they share a stem), and no song."""
    folder = tmp_path_factory.mktemp("twice")
    songs.song(folder / "in", 8.0, 48000, 2, "PCM_24", "a.wav")
    songs.write(folder / "in" / "b.wav", songs.guitar(6.0, seed=7), subtype="FLOAT")
    shutil.copy(folder / "in" / "b.wav", folder / "in" / "copy of b.wav")
    (folder / "in" / "broken.wav").write_bytes(b"no audio")
    (folder / "in" / "a.guitar.wav").unlink()
    for command in COMMANDS:
        go(folder, folder / command, command)
    return folder


def go(folder: Path, out: Path, command: Any = "morph", **more: Any) -> Summary:
    settings = make_settings(
        to="distortion", amount=0.5, separator="none", section=5, chunk=5,
        backend="crossfade", uniform=False,
    )  # fmt: skip
    jobs = collect([str(folder / "in")], out, settings, command)
    return run(settle_jobs(jobs), out, PIPELINES[command], **more)


def check(summary: Summary, out: Path, reference: Path) -> None:
    broken = [row for row in manifest.read_tracks(out) if row.track.startswith("broken")]
    assert [row.error_code for row in broken] == ["not_audio"]
    assert [one for one in differences(out, reference) if not one.startswith("broken")] == []
    assert verify(out) == (4, [])
    assert sorted(o.row.track for o in summary.outcomes) == [
        row.track for row in manifest.read_tracks(reference)
    ]


@repeated
def test_out_of_order_again_and_lost(
    tmp_path, material, monkeypatch, command, force, number
) -> None:
    monkeypatch.setattr("morphsep.run.driver.get_executor", lambda name: Shuffled(number))
    summary = go(material, tmp_path / "out", command, force=force)
    check(summary, tmp_path / "out", material / command)


@repeated
def test_two_workers_at_the_same_section(
    tmp_path, material, monkeypatch, command, force, number
) -> None:
    monkeypatch.setattr("morphsep.run.driver.get_executor", lambda name: AtOnce())
    check(go(material, tmp_path, command, force=force), tmp_path, material / command)
