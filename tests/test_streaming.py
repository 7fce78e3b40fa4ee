"""Songs are finished while others wait, and the first step does not run far ahead."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import pytest

from morphsep.executors import Pool, Step, get_executor
from morphsep.executors.run_ahead import RUN_AHEAD

pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("default"),  # Ray warns of its own deprecations
]


def noted(record: int, folder: Path) -> list[int]:
    (folder / str(record)).touch()
    return [record]


def passed_on(record: int) -> list[int]:
    return [record]


def until_nothing_comes(record: int, folder: Path) -> list[int]:
    """Keeps the worker at its first record until the step before has done nothing for 15 s."""
    before = [-1, -1, -1]
    while record == 0 and before[0] < (now := len(list(folder.iterdir()))):
        before = [*before[1:], now]
        time.sleep(5)
    return [record]


def test_the_first_step_waits_for_workers(tmp_path) -> None:
    steps = [
        Step(name="a", call=partial(noted, folder=tmp_path)),
        Step(name="b", call=partial(until_nothing_comes, folder=tmp_path), has_workers=True),
    ]
    songs = 5 * RUN_AHEAD
    ahead = []
    for _ in get_executor("ray")(steps, range(songs), Pool(min_workers=1, max_workers=1)):
        ahead.append(len(list(tmp_path.iterdir())))
    # the worker holds two, RUN_AHEAD wait for each of them, and what had begun was finished
    assert 2 < ahead[0] < 2 * (RUN_AHEAD + 1) + 20
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
