"""Songs are finished while others wait, and no step runs far ahead of the next."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import pytest

from morphsep.executors import Pool, Step, get_executor
from morphsep.executors.ray import RUN_AHEAD

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
    """Keeps the worker at its first record for as long as the step before gets anything done."""
    before = -1
    while record == 0 and before < (now := len(list(folder.iterdir()))):
        before = now
        time.sleep(5)
    return [record]


def test_a_step_waits_for_the_next(tmp_path) -> None:
    steps = [
        Step(name="a", call=partial(noted, folder=tmp_path)),
        Step(name="b", call=partial(until_nothing_comes, folder=tmp_path), has_workers=True),
    ]
    songs = 5 * RUN_AHEAD
    ahead = []
    for _ in get_executor("ray")(steps, range(songs), Pool(min_workers=1, max_workers=1)):
        ahead.append(len(list(tmp_path.iterdir())))
    # two with the worker, and as many again wait for each of them; ten on the way
    assert ahead[0] < 2 * (RUN_AHEAD + 1) + 10
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
