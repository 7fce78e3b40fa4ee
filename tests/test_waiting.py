"""Which record a worker is given next: tracks are finished early, few are open, no track keeps all
workers while others wait, and what a dead worker had comes first."""

from __future__ import annotations

import pickle
from collections import Counter

import pytest

from morphsep.run.executors.waiting import Item, Waiting


def take(waiting: Waiting, kind: int = 0, most: int = 99, may_open: bool = True) -> Item:
    item = waiting.take(kind, most, may_open)
    assert item is not None
    return item


def finish(waiting: Waiting, item: Item, number: int = 1) -> list[bytes]:
    return waiting.finished(item, item.at + 1, [item.record] * number)


def test_the_latest_step_comes_first_and_of_it_the_oldest_track() -> None:
    waiting = Waiting(range(5), [0, 0, 0])
    for item in [take(waiting, may_open=True) for _ in range(3)]:
        finish(waiting, item)
    finish(waiting, take(waiting))
    order = [(item.track, item.at) for item in (take(waiting) for _ in range(5))]
    assert order == [(0, 2), (1, 1), (2, 1), (3, 0), (4, 0)]
    assert waiting.take(0, 99, True) is None


def test_a_track_ends_when_all_of_its_records_have() -> None:
    waiting = Waiting(["a", "b"], [0, 0])
    finish(waiting, take(waiting, may_open=True), number=3)
    assert (waiting.open, waiting.not_begun, waiting.number(0)) == (1, 1, 4)
    for left in (1, 1, 0):
        item = take(waiting)
        assert [pickle.loads(one) for one in finish(waiting, item)] == ["a"]
        assert waiting.open == left
    item = take(waiting)
    assert waiting.finished(item, 1, []) == []
    assert (waiting.open, waiting.not_begun, waiting.number(0)) == (0, 0, 0)


def test_a_new_track_begins_only_when_nothing_else_waits_and_it_may() -> None:
    waiting = Waiting(range(3), [0, 0])
    first = take(waiting)
    assert waiting.take(0, 99, may_open=False) is None
    finish(waiting, first)
    assert take(waiting).track == 0
    assert take(waiting).track == 1


@pytest.mark.parametrize("begun", [True, False], ids=["others wait", "others have not begun"])
def test_a_long_track_leaves_a_worker_to_others(begun: bool) -> None:
    waiting = Waiting(range(4), [0, 0])
    finish(waiting, take(waiting), number=50)
    if begun:
        for item in [waiting._begun(waiting._next_of_source()) for _ in range(3)]:
            finish(waiting, item)
    at_work = [take(waiting, most=3) for _ in range(6)]
    assert Counter(item.track for item in at_work) == {0: 3, 1: 1, 2: 1, 3: 1}
    # others are at work, none waits: nobody idles for them
    assert take(waiting, most=3).track == 0


def test_what_was_lost_comes_first() -> None:
    waiting = Waiting(range(6), [0, 0])
    finish(waiting, take(waiting), number=2)
    lost = [take(waiting), take(waiting)]
    finish(waiting, take(waiting))
    for item in reversed(lost):
        waiting.put_back(item)
    assert [take(waiting) for _ in range(2)] == lost
    assert take(waiting).track == 1


def test_each_kind_has_its_own() -> None:
    waiting = Waiting(range(2), [0, 1, 0])
    assert waiting.take(1, 99, True) is None
    finish(waiting, take(waiting))
    assert (waiting.number(0), waiting.number(1)) == (1, 1)
    finish(waiting, take(waiting, kind=1))
    assert take(waiting).at == 2
    assert (waiting.number(0), waiting.number(1)) == (1, 0)
