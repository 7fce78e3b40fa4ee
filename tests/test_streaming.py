"""The Ray executor: songs are finished while others wait, the first step does not run far ahead,
who was given no GPU sees none, and what a step raises arrives as it was."""

from __future__ import annotations

import errno
import os
import time
from functools import partial
from pathlib import Path

import pytest

from morphsep.run.executors.executor import get_executor
from morphsep.run.executors.run_ahead import RUN_AHEAD
from morphsep.run.executors.step import Pool, Step

pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("default"),  # Ray warns of its own deprecations
    pytest.mark.usefixtures("cluster"),
]


def noted(record: int, folder: Path) -> list[int]:
    (folder / str(record)).touch()
    return [record]


def passed_on(record: int) -> list[int]:
    return [record]


def until_nothing_comes(record: int, folder: Path) -> list[int]:
    """Keeps the worker at its first record until the step before has begun to run ahead, and has
    then done nothing for 6 s."""
    before = [-1, -1, -1]
    while record == 0 and (before[0] < (now := len(list(folder.iterdir()))) or now < 3):
        before = [*before[1:], now]
        time.sleep(2)
    return [record]


def test_the_first_step_waits_for_workers(tmp_path) -> None:
    import ray

    steps = [
        Step(name="a", call=partial(noted, folder=tmp_path)),
        Step(name="b", call=partial(until_nothing_comes, folder=tmp_path), has_workers=True),
    ]
    songs = 5 * RUN_AHEAD
    ahead = []
    for _ in get_executor("ray")(steps, range(songs), Pool(min_workers=1, max_workers=1)):
        ahead.append(len(list(tmp_path.iterdir())))
    # the worker holds two, RUN_AHEAD wait for each of them, and what had begun was finished: four
    # tasks a CPU
    begun = 4 * ray.cluster_resources()["CPU"]
    assert 2 < ahead[0] < 2 * (RUN_AHEAD + 1) + begun
    assert len(ahead) == ahead[-1] == songs


def test_songs_are_finished_while_others_wait(tmp_path) -> None:
    steps = [
        Step(name="a", call=passed_on),
        Step(name="b", call=partial(noted, folder=tmp_path), has_workers=True),
        Step(name="c", call=passed_on),
        Step(name="d", call=passed_on, has_workers=True),
        Step(name="e", call=passed_on),
    ]
    songs = 60
    begun = []
    for _ in get_executor("ray")(steps, range(songs), Pool(min_workers=1, max_workers=1)):
        begun.append(len(list(tmp_path.iterdir())))
    assert begun[0] < songs / 2
    assert len(begun) == begun[-1] == songs


def visible_gpus(record: int) -> list[str | None]:
    return [os.environ.get("CUDA_VISIBLE_DEVICES")]


def test_a_worker_without_gpus_sees_none() -> None:
    steps = [Step(name="a", call=visible_gpus, has_workers=True, wants_gpu=True)]
    seen = list(get_executor("ray")(steps, [0], Pool(max_workers=1, gpus=0.0)))
    assert seen == [""]
    assert os.environ.get("CUDA_VISIBLE_DEVICES") != ""


def full(record: int) -> list[int]:
    raise OSError(errno.ENOSPC, "No space left on device", "manifest")


def test_what_a_step_raises_arrives_as_it_was() -> None:
    with pytest.raises(OSError, match=r"^\[Errno 28\] No space left on device: 'manifest'$"):
        list(get_executor("ray")([Step(name="a", call=full, has_workers=True)], [0], Pool()))


def test_no_records_need_no_cluster() -> None:
    pool = Pool(address="nowhere:1")
    assert list(get_executor("ray")([Step(name="a", call=passed_on)], [], pool)) == []
