"""Where workers are, and how the driver reaches them: what `dispatch` needs of a cluster or of this
machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from morphsep.run.executors.worker import Answer

Tell = Callable[[Any], None]
"""Takes what a step has told while it worked, in any thread."""


class WorkerLostError(Exception):
    """A worker has died, or cannot be reached."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a worker is given, and what it can do."""

    own: frozenset[int]
    """The steps that it does."""
    cpus: float
    gpus: float


class Remote(Protocol):
    """A worker, as reached from here. Nothing waits: what it answers, or `WorkerLostError`, comes
    by the futures."""

    @property
    def begun(self) -> Future[Answer]:
        """Whether it can begin."""
        ...

    def work(self, at: int, record: bytes) -> Future[Answer]:
        """See `Worker.work`. Only for one that has begun."""
        ...

    def end(self) -> None:
        """Ends it, whatever it is at."""
        ...


class Place(Protocol):
    """Where workers are."""

    @property
    def kinds(self) -> Sequence[Kind]:
        """Which kinds there are; together they do all steps."""
        ...

    def start(self, kind: Kind, given: bytes, tell: Tell) -> Remote:
        """A new worker; `given` is for `Worker.begin`."""
        ...

    def look(self) -> None:
        """Called about once a second. Raises whatever ends the run."""
        ...

    def why_none(self, kind: Kind) -> str:
        """Where to look if no worker of this kind begins."""
        ...

    def end(self) -> None:
        """Called once all workers have been ended."""
        ...
