"""What an executor is given: steps, records, and how many workers it may use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """How many workers a cluster may use. None leaves the choice to the cluster."""

    address: str | None = None
    """Of a running cluster; None starts one on this machine, for this run."""
    min_workers: int = 1
    max_workers: int | None = None
    gpus: float | None = None
    """GPUs for each worker that has one; a fraction shares a GPU. None: one, if the cluster has any
    at the start, else 0."""
    probe: Callable[[], None] | None = None
    """Called on each worker before it is given work. Where no worker has begun yet, what it raises
    ends the run; later it only leaves that worker out. Picklable."""


class Executor(Protocol):
    """Takes every record through all steps and yields what comes out at the end, in any order."""

    def __call__(self, steps: Steps, records: Sequence[Any], pool: Pool) -> Iterator[Any]: ...
