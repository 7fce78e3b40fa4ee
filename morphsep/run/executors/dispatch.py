"""The driver's part: hands out records, takes answers, gives what a dead worker had to others.

A worker can do every step of its kind and carries a record on until the next step is another
kind's, or more than one record follows. Of what waits the latest step comes first, so that tracks
are finished while others have not begun. A worker that dies loses nothing: what it had in hand is
given to another (`morphsep.run.retries` counts).
"""

from __future__ import annotations

import logging
import pickle
import queue
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from morphsep.errors import SettingError
from morphsep.run.executors.fleet import SILENCE, Fleet, Hand
from morphsep.run.executors.place import Kind, Place, WorkerLostError
from morphsep.run.executors.step import Pool, Results, Steps
from morphsep.run.executors.waiting import Item, Waiting
from morphsep.run.executors.worker import Answer

log = logging.getLogger("morphsep")

TICK = 1.0
"""Seconds between two looks at what nobody tells of: the cluster, what workers say, idle ones."""
OPEN = 4
"""Tracks that may have begun and not ended, for each worker: what has begun takes memory."""
MOST_LOSSES = 10
"""Workers that may die over a record before it is given up. Stages give up earlier, by their notes;
the driver of a run makes a failed row of what does not come back."""
MOST_FAILURES = 3
"""Workers in a row that cannot begin, before the first has, until the run is given up."""


def dispatch(steps: Steps, records: Sequence[Any], pool: Pool, place: Place) -> Results:
    """Yields records as they come out at the end.

    Raises:
        SettingError: no worker can begin.
        Exception: what the place finds (a cluster that is lost), and what a step, or the pool's
            probe, raised, as it was.
    """
    running = _Dispatch(steps, records, pool, place)
    try:
        yield from running.results()
    finally:
        running.end()


class _Dispatch:
    """A run on workers."""

    def __init__(self, steps: Steps, records: Sequence[Any], pool: Pool, place: Place) -> None:
        self._given = pickle.dumps((list(steps), pool.probe, pool.probe_seconds))
        self._place = place
        self._on_told = pool.on_told
        kinds = place.kinds
        of_step = [next(n for n, k in enumerate(kinds) if at in k.own) for at in range(len(steps))]
        self._waiting = Waiting(records, of_step)
        self._fleets = [
            Fleet(partial(self._start, kind), pool.min_workers, pool.max_workers) for kind in kinds
        ]
        self._events: queue.SimpleQueue[Callable[[], list[bytes]]] = queue.SimpleQueue()
        """What to do about answers that have come."""
        self._has_begun = False
        """Whether any worker has."""

    def results(self) -> Iterator[Any]:
        """Records that have come to the end."""
        next_look = 0.0
        while self._waiting.open or self._waiting.not_begun:
            if time.monotonic() >= next_look:
                self._look()
                next_look = time.monotonic() + TICK
            self._hand_out()
            done: list[bytes] = []
            for event in self._come():
                done += event()
            if done:
                self._hand_out()
            yield from map(pickle.loads, done)

    def end(self) -> None:
        """Ends all workers, whatever they are at."""
        for fleet in self._fleets:
            for hand in list(fleet.hands):
                fleet.drop(hand)
        self._place.end()

    def _start(self, kind: Kind, fleet: Fleet, hand: Hand) -> None:
        hand.remote = self._place.start(kind, self._given, self._tell)
        self._when(hand.remote.begun, self._begun, fleet, hand)

    def _tell(self, value: Any) -> None:
        """In the order in which a worker tells and answers."""

        def hear() -> list[bytes]:
            self._on_told(value)
            return []

        self._events.put(hear)

    def _come(self) -> Iterator[Callable[[], list[bytes]]]:
        """What has come; waits a while for the first."""
        try:
            yield self._events.get(timeout=TICK)
            while True:
                yield self._events.get_nowait()
        except queue.Empty:
            return

    def _look(self) -> None:
        self._place.look()
        for number, fleet in enumerate(self._fleets):
            waiting = self._waiting.number(number)
            fleet.rest(waiting)
            if fleet.waits_in_vain(waiting):
                why = self._place.why_none(self._place.kinds[number])
                log.warning("no worker has begun for %.0f s; %s", SILENCE, why)

    def _hand_out(self) -> None:
        workers = max(1, sum(len(fleet.ready) for fleet in self._fleets))
        for number, fleet in enumerate(self._fleets):
            for hand in fleet.free(partial(self._waiting.number, number)):
                may_open = self._waiting.open < OPEN * workers
                item = self._waiting.take(number, fleet.most_of_a_track(hand), may_open)
                if item is None:
                    break
                self._give(fleet, hand, item)
            fleet.grow(self._waiting.number(number))

    def _give(self, fleet: Fleet, hand: Hand, item: Item) -> None:
        hand.items.append(item)
        reply = hand.remote.work(item.at, item.record)
        self._when(reply, self._answered, fleet, hand, item)

    def _when(self, reply: Future[Answer], act: Callable[..., list[bytes]], *about: Any) -> None:
        """Has something done about a reply when it is there."""
        reply.add_done_callback(lambda done: self._events.put(partial(act, done, *about)))

    def _begun(self, reply: Future[Answer], fleet: Fleet, hand: Hand) -> list[bytes]:
        if hand not in fleet.hands:
            return []
        try:
            answer = reply.result()
        except WorkerLostError as error:
            if fleet.failed(hand) >= MOST_FAILURES and not self._has_begun:
                raise SettingError(f"workers cannot begin: {error}") from error
            log.warning("a worker could not begin: %s", error)
            return []
        if answer.raised is None:
            self._has_begun = True
            fleet.began(hand)
        elif not self._has_begun:
            raise pickle.loads(answer.raised)
        else:
            fleet.failed(hand)
            log.warning("a worker is left out: %s", pickle.loads(answer.raised))
        return []

    def _answered(self, reply: Future[Answer], fleet: Fleet, hand: Hand, item: Item) -> list[bytes]:
        if hand not in fleet.hands:
            return []  # what it had in hand has been given to others
        try:
            answer = reply.result()
        except WorkerLostError as error:
            log.warning("a worker was lost; others do what it had in hand: %s", error)
            for lost in reversed(fleet.drop(hand)):
                self._take_back(lost)
            return []
        hand.items.remove(item)
        if answer.raised is not None:
            raise pickle.loads(answer.raised)
        return self._waiting.finished(item, answer.at, answer.records)

    def _take_back(self, item: Item) -> None:
        item.losses += 1
        if item.losses < MOST_LOSSES:
            self._waiting.put_back(item)
            return
        log.warning("a record is given up: %d workers have died over it", item.losses)
        self._waiting.finished(item, item.at, [])
