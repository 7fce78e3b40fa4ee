"""The driver's part: hands out records, takes answers, gives what a dead worker had to others."""

from __future__ import annotations

import logging
import pickle
import queue
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from morphsep.errors import SettingError
from morphsep.run.executors.ray.cluster import Head, joined
from morphsep.run.executors.ray.fleet import SILENCE, Fleet, Hand
from morphsep.run.executors.ray.kinds import Kind, kinds_of, starter
from morphsep.run.executors.ray.notices import Listener
from morphsep.run.executors.ray.waiting import Item, Waiting
from morphsep.run.executors.ray.worker import Answer
from morphsep.run.executors.step import Pool, Steps

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


def run(steps: Steps, records: Sequence[Any], pool: Pool) -> Iterator[Any]:
    """Yields records as they come out at the end.

    Raises:
        SettingError: there is no cluster at the address, or no worker can begin on it.
        ClusterLostError: its head has gone.
        Exception: what a step, or the pool's probe, raised, as it was.
    """
    if not records:
        return
    with joined(pool) as head:
        dispatch = _Dispatch(steps, records, pool, head)
        try:
            yield from dispatch.results()
        finally:
            dispatch.end()


class _Dispatch:
    """A run on a cluster."""

    def __init__(self, steps: Steps, records: Sequence[Any], pool: Pool, head: Head) -> None:
        self._given = pickle.dumps((list(steps), pool.probe))
        self._head = head
        kinds = kinds_of(steps, pool, ray.cluster_resources())
        of_step = [next(n for n, k in enumerate(kinds) if at in k.own) for at in range(len(steps))]
        self._waiting = Waiting(records, of_step)
        self._listener = Listener()
        self._kinds = kinds
        self._fleets = [self._fleet(kind, pool) for kind in kinds]
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

    def _fleet(self, kind: Kind, pool: Pool) -> Fleet:
        new_actor = starter(kind, self._listener.actor)

        def start(hand: Hand) -> None:
            hand.actor = new_actor()
            reply = hand.actor.begin.remote(self._given, kind.own)
            self._when(reply, self._begun, fleet, hand)

        fleet = Fleet(
            lambda hand: self._head.ask(partial(start, hand)),
            lambda hand: self._head.ask(lambda: ray.kill(hand.actor)),
            pool.min_workers, pool.max_workers,
        )  # fmt: skip
        return fleet

    def end(self) -> None:
        """Ends all workers, whatever they are at."""
        for fleet in self._fleets:
            for hand in list(fleet.hands):
                fleet.drop(hand)
        self._listener.end()
        self._head.ask(lambda: ray.kill(self._listener.actor))

    def _come(self) -> Iterator[Callable[[], list[bytes]]]:
        """What has come; waits a while for the first."""
        try:
            yield self._events.get(timeout=TICK)
            while True:
                yield self._events.get_nowait()
        except queue.Empty:
            return

    def _look(self) -> None:
        self._head.check()
        self._listener.listen()
        for number, (kind, fleet) in enumerate(zip(self._kinds, self._fleets, strict=True)):
            waiting = self._waiting.number(number)
            fleet.rest(waiting)
            if fleet.waits_in_vain(waiting):
                free = f"{kind.gpus:g} GPUs" if kind.gpus else f"{kind.cpus:g} CPUs"
                log.warning(
                    "no worker has begun for %.0f s; see by `ray status` whether %s are free",
                    *(SILENCE, free),
                )

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
        reply = hand.actor.work.remote(item.at, item.record)
        self._when(reply, self._answered, fleet, hand, item)

    def _when(self, reply: Any, act: Callable[..., list[bytes]], *about: Any) -> None:
        """Has something done about a reply when it is there."""
        future: Future[Answer] = reply.future()
        future.add_done_callback(lambda done: self._events.put(partial(act, done, *about)))

    def _begun(self, reply: Future[Answer], fleet: Fleet, hand: Hand) -> list[bytes]:
        if hand not in fleet.hands:
            return []
        try:
            answer = _answer(reply)
        except RayError as error:
            if fleet.failed(hand) >= MOST_FAILURES and not self._has_begun:
                raise SettingError(f"workers cannot begin on this cluster: {error}") from error
            log.warning("a worker could not begin: %s", _first_line(error))
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
            answer = _answer(reply)
        except RayError as error:
            why = _first_line(error)
            log.warning("a worker was lost; others do what it had in hand: %s", why)
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


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _answer(reply: Future[Answer]) -> Answer:
    """What a worker said.

    Raises:
        RayError: it was lost, or could not be reached.
    """
    try:
        return reply.result()
    except RayTaskError as error:
        # not lost, so no other worker would do better
        raise RuntimeError(f"a worker could not answer: {error}") from error
