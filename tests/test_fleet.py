"""The workers of one kind: how their number grows and shrinks, and who is given work."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

from morphsep.run.executors import fleet as fleets
from morphsep.run.executors.waiting import Item


class Remote:
    """A worker that is a number."""

    def __init__(self, number: int, ended: list[int]) -> None:
        self.number = number
        self._ended = ended

    def end(self) -> None:
        self._ended.append(self.number)


class Fleet(fleets.Fleet):
    """Its workers are numbers."""

    def __init__(self, least: int = 1, most: int | None = None) -> None:
        self.started, self.ended = list[Any](), list[int]()
        number = itertools.count()

        def start(fleet: fleets.Fleet, hand: Any) -> None:
            hand.remote = Remote(next(number), self.ended)
            self.started.append(hand)

        super().__init__(start, least, most)

    def start(self, waiting: int) -> list[Any]:
        """Who is started because something waits."""
        before = len(self.started)
        self.grow(waiting)
        return self.started[before:]


def busy(of: Fleet) -> None:
    """All begin and are given work."""
    for hand in of.hands:
        if not hand.is_ready:
            of.began(hand)
        if not hand.items:
            hand.items.append(Item(0, 0, b""))


def grown(of: Fleet, waiting: int) -> int:
    started = len(of.start(waiting))
    busy(of)
    return started


@pytest.mark.parametrize(
    ("least", "most", "numbers"),
    [(1, None, [1, 1, 2, 4, 8]), (1, 5, [1, 1, 2, 1, 0]), (3, 3, [3, 0]), (2, 4, [2, 2, 0])],
)
def test_workers_double_up_to_the_most(least: int, most: int | None, numbers: list[int]) -> None:
    of = Fleet(least, most)
    assert [grown(of, 100) for _ in numbers] == numbers


def test_no_more_than_there_is_to_do() -> None:
    of = Fleet()
    assert of.start(0) == []
    assert [grown(of, 100) for _ in range(4)] == [1, 1, 2, 4]
    assert grown(of, 3) == 3
    assert grown(of, 0) == 0


def test_none_while_one_is_coming_or_idle() -> None:
    of = Fleet()
    (hand,) = of.start(100)
    assert of.start(100) == []
    of.began(hand)
    assert of.start(100) == []
    busy(of)
    assert len(of.start(100)) == 1


def test_who_could_not_begin_is_followed_later_and_later(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    of = Fleet()
    for number, pause in enumerate(fleets.PAUSES[1:], start=1):
        (hand,) = of.start(1)
        assert of.failed(hand) == number
        now += pause - 0.1
        assert of.start(1) == []
        now += 0.2
    assert of.ended == [0, 1, 2, 3]
    of.began(of.start(1)[0])
    assert of.failed(of.hands[0]) == 1


def test_idle_ones_are_let_go_but_for_the_least(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    of = Fleet(2)
    for _ in range(3):
        grown(of, 100)
    assert len(of.hands) == 8
    for hand in of.hands[1:]:
        hand.items.clear()
    of.rest(waiting=0)
    now = fleets.IDLE + 1
    of.rest(waiting=1)  # nobody is idle while something waits
    assert of.ended == []
    now += fleets.IDLE + 1
    of.rest(waiting=0)
    assert len(of.hands) == 2
    assert of.hands[0].items
    assert of.ended == [1, 2, 3, 4, 5, 6]


def test_a_second_record_waits_behind_a_busy_worker_only_if_there_are_enough() -> None:
    of = Fleet(3)
    of.start(1)
    for hand in of.hands:
        of.began(hand)
    given: list[int] = []
    for left, hand in zip(range(9, -1, -1), of.free(lambda: 10 - len(given)), strict=False):
        hand.items.append(Item(left, 0, b""))
        given.append(of.hands.index(hand))
    assert given == [0, 1, 2, 0, 1, 2]
    for hand in of.hands:
        hand.items.pop()
    assert list(of.free(lambda: 2)) == []
    of.hands[1].items.clear()
    assert list(of.free(lambda: 1)) == [of.hands[1]]


def test_who_is_lost_gives_back_what_it_had() -> None:
    of = Fleet()
    of.start(1)
    busy(of)
    (hand,) = of.hands
    item = hand.items[0]
    assert of.drop(hand) == [item]
    assert (of.hands, of.ended) == ([], [0])
    assert len(of.start(1)) == 1


def test_who_does_not_begin_is_said_once_and_then_followed_by_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    of = Fleet()
    (first,) = of.start(waiting=5)
    assert not of.waits_in_vain(5)
    now += fleets.SILENCE + 1
    assert not of.waits_in_vain(0)
    assert of.waits_in_vain(5)
    assert not of.waits_in_vain(5)
    of.rest(5)
    assert of.hands == [first]
    assert of.start(waiting=5) == []
    now += fleets.COMING
    of.rest(5)
    assert of.ended == [first.remote.number]
    (second,) = of.start(waiting=5)
    of.began(second)
    now += fleets.SILENCE + 1
    assert not of.waits_in_vain(5)
