"""What an executor is given: steps, records, and how many workers it may use."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from morphsep.errors import MorphsepError


class ClusterLostError(MorphsepError, OSError):
    """The cluster has gone in the middle of a run. The same command goes on where it stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One stage of a pipeline."""

    name: str
    call: Callable[[Any], list[Any]]
    """Takes a record and gives those that follow from it. Picklable, and may be called again with
    a record that it has worked on before."""
    wants_gpu: bool = False
    """Whether it is faster on a GPU."""


Steps = Sequence[Step]
Results = Generator[Any, None, None]


def ignore(value: Any) -> None:
    """Takes no notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """How many workers a run may use."""

    address: str | None = None
    """Of a running cluster; None starts one on this machine, for this run."""
    min_workers: int = 1
    max_workers: int | None = None
    """None: as many as the cluster takes; `local`: none but this process."""
    gpus: float | None = None
    """GPUs for each worker that has one; a fraction shares a GPU. None: one, if the cluster has any
    at the start, else 0."""
    probe: Callable[[], None] | None = None
    """Called on each worker before it is given work. Where no worker has begun yet, what it raises
    ends the run; later it only leaves that worker out. Picklable."""
    probe_seconds: float = 20.0
    """How long that may take, before it counts as a TimeoutError."""
    on_told: Callable[[Any], None] = ignore
    """Given what steps `tell` on other processes of this machine, in the driver's thread."""


class Executor(Protocol):
    """Takes every record through all steps and yields what comes out at the end, in any order. Who
    closes it early ends what is at work."""

    def __call__(self, steps: Steps, records: Sequence[Any], pool: Pool) -> Results: ...
