"""``local``: one job after the other, in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from morphsep.executors import Work
from morphsep.inputs import Job
from morphsep.stages import OnProgress, Outcome


def run(work: Work, jobs: Sequence[Job], on_progress: OnProgress) -> Iterator[Outcome]:
    """Yields each job's outcome as it is done."""
    for job in jobs:
        yield work(job, on_progress)
