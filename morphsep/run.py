"""A run: jobs through an executor into one output folder, and what is said of it at the end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from morphsep import manifest
from morphsep.errors import SettingError
from morphsep.executors import get_executor
from morphsep.inputs import Job, Task
from morphsep.manifest import TrackRow
from morphsep.settings import Settings, forget, settle
from morphsep.stages import OnProgress, Outcome, process
from morphsep.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class _Process:
    """What executors do with a job (`morphsep.executors.Work`)."""

    out: Path
    task: Task
    force: bool
    previous: dict[str, TrackRow] = field(repr=False)

    def __call__(self, job: Job, on_progress: OnProgress) -> Outcome:
        return process(
            job,
            self.out,
            task=self.task,
            previous=self.previous.get(job.track),
            force=self.force,
            on_progress=on_progress,
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run ended."""

    outcomes: tuple[Outcome, ...]

    @property
    def failed(self) -> list[TrackRow]:
        """Rows of the tracks that failed."""
        return [o.row for o in self.outcomes if o.row.status == "failed"]

    @property
    def skipped(self) -> list[Outcome]:
        """Tracks for which nothing was done: done before, or nothing to do."""
        return [o for o in self.outcomes if not o.fresh or o.row.status == "skipped"]

    @property
    def done(self) -> list[TrackRow]:
        """Rows of the tracks that this run finished."""
        return [o.row for o in self.outcomes if o.fresh and o.row.status == "ok"]

    @property
    def exit_code(self) -> Literal[0, 2, 3]:
        """0: all done; 2: some tracks failed; 3: nothing could be done."""
        if not self.failed:
            return 0
        return 3 if len(self.failed) == len(self.outcomes) else 2


def settle_jobs(jobs: Sequence[Job]) -> list[Job]:
    """Collected jobs (`morphsep.inputs.collect`) with every automatic choice made, once for all
    workers.

    Raises:
        SettingError: some job's settings cannot work.
    """
    forget()
    settled: dict[Settings, tuple[Settings, str]] = {}
    for job in jobs:
        if job.settings not in settled:
            try:
                settled[job.settings] = settle(job.settings)
            except SettingError as error:
                if len(jobs) > 1:
                    raise SettingError(f"{error} (asked for {job.path})") from error
                raise
    return [
        replace(job, settings=settled[job.settings][0], separator_reason=settled[job.settings][1])
        for job in jobs
    ]


def run(
    jobs: Sequence[Job],
    out: Path,
    *,
    task: Task = "morph",
    executor: str = "local",
    force: bool = False,
    on_progress: OnProgress = lambda event: None,
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,
) -> Summary:
    """Does all jobs (settled, see `settle_jobs`) and leaves one row for each in the manifest.

    Raises:
        SettingError: an unknown executor, an output folder that cannot be written or in
            which another run is at work.
        OSError: the manifest cannot be written (a full disk): run the same command again.
    """
    execute = get_executor(executor)
    out = Path(os.path.abspath(out))
    with Workspace(out).locked():
        previous = {row.track: row for row in manifest.read_tracks(out)}
        work = _Process(out=out, task=task, force=force, previous=previous)
        outcomes = []
        for outcome in execute(work, jobs, on_progress):
            on_outcome(outcome)
            outcomes.append(outcome)
        manifest.compact(out)
        Workspace(out).tidy()
    return Summary(tuple(outcomes))


def only_failed(jobs: Iterable[Job], out: Path) -> list[Job]:
    """The jobs whose last row says that they failed.

    Returns:
        An empty list if nothing failed.
    """
    failed = {row.track for row in manifest.read_tracks(out) if row.status == "failed"}
    return [job for job in jobs if job.track in failed]
