"""Executors: where jobs are done. They know no stage, and stages know no executor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from morphsep.errors import SettingError

if TYPE_CHECKING:
    from morphsep.inputs import Job
    from morphsep.stages import OnProgress, Outcome

NAMES = ("local", "ray")


class Work(Protocol):
    """What is to be done with a job. Picklable, so that it can travel to a worker."""

    def __call__(self, job: Job, on_progress: OnProgress) -> Outcome: ...


Executor = Callable[[Work, Sequence["Job"], "OnProgress"], Iterator["Outcome"]]
"""Yields one outcome for every job, in any order."""


def get_executor(name: str) -> Executor:
    """The named executor.

    Raises:
        SettingError: there is no such executor, or Ray is not installed.
    """
    if name == "local":
        from morphsep.executors.local import run

        return run
    if name == "ray":
        try:
            from morphsep.executors.ray import run as run_on_ray
        except ImportError as error:
            raise SettingError("--executor ray needs Ray: pip install 'morphsep[ray]'") from error
        return run_on_ray
    raise SettingError(f"there is no executor {name!r}; there are: {', '.join(NAMES)}")
