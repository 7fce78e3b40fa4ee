"""A run on a cluster."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import ray

from morphsep.run.executors.dispatch import dispatch
from morphsep.run.executors.place import Kind, Tell
from morphsep.run.executors.ray.actors import Actor, RayWorker
from morphsep.run.executors.ray.cluster import Head, joined
from morphsep.run.executors.ray.kinds import kinds_of
from morphsep.run.executors.ray.notices import Listener
from morphsep.run.executors.step import Pool, Results, Steps

SIGN = 10.0
"""Seconds between two signs to each worker."""


def run(steps: Steps, records: Sequence[Any], pool: Pool) -> Results:
    """Yields records as they come out at the end.

    Raises:
        SettingError: there is no cluster at the address, or no worker can begin on it.
        ClusterLostError: its head has gone.
        Exception: what a step, or the pool's probe, raised, as it was.
    """
    if not records:
        return
    with joined(pool) as head:
        yield from dispatch(steps, records, pool, Cluster(steps, pool, head))


class Cluster:
    """The place where the workers are."""

    def __init__(self, steps: Steps, pool: Pool, head: Head) -> None:
        self._head = head
        self._listener = Listener()
        self._worker = ray.remote(RayWorker)
        self._actors: list[Actor] = []
        self._next_sign = 0.0
        self.kinds = kinds_of(steps, pool, ray.cluster_resources())

    def start(self, kind: Kind, given: bytes, tell: Tell) -> Actor:
        """A worker of a kind; what its steps tell is not heard here."""
        made = self._worker.options(
            num_cpus=kind.cpus, num_gpus=kind.gpus, max_restarts=0, max_task_retries=0
        )
        start = partial(made.remote, bool(kind.gpus), self._listener.actor)
        actor = Actor(start, (given, kind.own), self._head)
        self._actors.append(actor)
        return actor

    def look(self) -> None:
        """Logs what workers say; gives them a sign now and then.

        Raises:
            ClusterLostError: the head has gone.
        """
        self._head.check()
        self._listener.listen()
        if time.monotonic() >= self._next_sign:
            self._next_sign = time.monotonic() + SIGN
            self._actors = [actor for actor in self._actors if not actor.is_ended]
            for actor in self._actors:
                actor.give_sign()

    def why_none(self, kind: Kind) -> str:
        """What a worker of this kind waits for."""
        free = f"{kind.gpus:g} GPUs" if kind.gpus else f"{kind.cpus:g} CPUs"
        return f"see by `ray status` whether {free} are free"

    def end(self) -> None:
        """Logs the last that workers have said."""
        self._listener.end()
        self._head.ask(lambda: ray.kill(self._listener.actor))
