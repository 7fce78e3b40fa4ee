"""Stages that sleep as long as the real ones take, through the real executors.

In a module of its own, which the workers import, so that they know its records.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from morphsep.run.executors.step import Pool, Step, Steps

SPEED = {"prepare": 66.0, "separate": 0.67, "measure": 400.0, "morph": 67.0, "assemble": 66.0}
"""Seconds of audio per second of work (CPU, 2 cores): docs/reference/benchmarks.md; `measure` is
estimated."""
RECORD = 4000
"""Bytes of a song's record after scanning; before that it takes a few hundred."""
CPUS = 64
"""Logical CPUs: sleeping stages need none."""


@dataclass(frozen=True, slots=True)
class Song:
    """A record in the pipeline; `finished` holds when each stage finished it."""

    number: int
    finished: tuple[tuple[str, float], ...] = ()
    padding: bytes = b""
    sections: int = 1


@dataclass(frozen=True, slots=True)
class Sleep:
    """A stage that only sleeps."""

    name: str
    seconds: float

    def __call__(self, song: Song) -> list[Song]:
        time.sleep(self.seconds)
        padding = song.padding or os.urandom(RECORD)
        return [replace(song, finished=(*song.finished, (self.name, time.time())), padding=padding)]


@dataclass(frozen=True, slots=True)
class Cut:
    """A stage that cuts a song into its sections."""

    def __call__(self, song: Song) -> list[Song]:
        return [replace(song, sections=1) for _ in range(song.sections)]


def pipeline(seconds: dict[str, float]) -> Steps:
    """The steps of ``morphsep morph``, with sleeping stages."""
    return [Step(name=name, call=Sleep(name, length)) for name, length in seconds.items()]


@contextmanager
def cluster(cpus: int = CPUS) -> Iterator[None]:
    """A local Ray cluster with more logical CPUs than the machine has."""
    import ray

    ray.init(
        "local",
        num_cpus=cpus,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        yield
    finally:
        ray.shutdown()


def through(
    steps: Steps, songs: list[Song], workers: int, executor: str = "ray"
) -> list[tuple[Song, float]]:
    """Each finished song, and when it came out."""
    from morphsep.run.executors.executor import get_executor

    pool = Pool(min_workers=workers, max_workers=workers)
    return [(song, time.time()) for song in get_executor(executor)(steps, songs, pool)]
