"""Executors: where a pipeline's steps are done. They know no stage, and stages know no executor."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from morphsep.errors import SettingError

NAMES = ("auto", "local", "ray")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One stage of a pipeline."""

    name: str
    call: Callable[[Any], list[Any]]
    """Takes a record and gives those that follow from it. Picklable, and may be called again with
    a record that it has worked on before."""
    has_workers: bool = False
    """Whether it loads weights, or computes for long: worth workers of its own, which keep them."""
    wants_gpu: bool = False
    """Whether it is faster on a GPU."""


Steps = Sequence[Step]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """How many workers a cluster may use; what is None is for the cluster to find out."""

    address: str | None = None
    """Of a running cluster; None starts one on this machine, for this run."""
    min_workers: int = 1
    max_workers: int | None = None
    gpus: float | None = None
    """GPUs for each worker that wants one; a fraction shares a GPU. None, if the cluster has any at
    the start: one, shared by the kinds of workers that want one; else 0."""


class Executor(Protocol):
    """Takes every record through all steps and yields what comes out at the end, in any order."""

    def __call__(self, steps: Steps, records: Sequence[Any], pool: Pool) -> Iterator[Any]: ...


def choose_executor(name: str, pool: Pool) -> str:
    """The executor for ``auto``: Ray where there is a cluster to use, else this process.

    On one machine Ray's start and its processes cost more than they give (docs/benchmarks.md).
    """
    if name != "auto":
        return name
    return "ray" if pool.address or os.environ.get("RAY_ADDRESS") else "local"


def get_executor(name: str) -> Executor:
    """The named executor.

    Raises:
        SettingError: there is no such executor, or Ray is not installed.
    """
    if name == "local":
        from morphsep.run.executors.local import run

        return run
    if name == "ray":
        try:
            from morphsep.run.executors.ray import run as run_on_ray
        except ImportError as error:
            raise SettingError("--executor ray needs Ray: pip install 'morphsep[ray]'") from error
        return run_on_ray
    raise SettingError(f"there is no executor {name!r}; there are: {', '.join(NAMES)}")
