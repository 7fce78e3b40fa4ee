"""A run: jobs through an executor into one output folder, and what is said of it at the end."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from morphsep import manifest, storage
from morphsep.dsp import Seconds
from morphsep.request import Job
from morphsep.run.executors import Pool, choose_executor, get_executor, tell
from morphsep.run.heartbeat import Heartbeat
from morphsep.run.jobs import (
    check_devices,
    fetch_weights,
    packed_files,
    stages_with_weights,
)
from morphsep.run.pipeline import Pipeline
from morphsep.run.reach import try_storage
from morphsep.run.resuming import Known
from morphsep.run.summary import Summary
from morphsep.run.tally import Tally, most_failures
from morphsep.run.workers import workers_for
from morphsep.stages import (
    Clip,
    OnProgress,
    Outcome,
    RunContext,
    Workspace,
    finish,
    ignore_progress,
    last_work,
)
from morphsep.storage import Held, Location, StorageError

RESTAMP_EVERY = 25_000
"""Rows with new stamps that are held; putting them in writes the manifest's files anew."""

COMPACT_EVERY = 1000
"""Tracks after which the manifest's parts are joined: a folder of many small files is slow."""


def run(
    jobs: Sequence[Job],
    out: str | Path,
    pipeline: Pipeline,
    *,
    work_in: str | Path | None = None,
    executor: str = "auto",
    pool: Pool | None = None,
    force: bool = False,
    max_failures: str | None = None,
    timeout: Seconds = 0.0,
    on_progress: OnProgress = ignore_progress,
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,
) -> Summary:
    """Does all jobs (settled, see `settle_jobs`) and leaves one row for each in the manifest.

    Args:
        pipeline: what is done with each of them (`morphsep.pipelines`).
        work_in: the folder (or URI) whose ``.morphsep`` all workers keep stems and everything
            else in that is needed between stages; None: where the last run in `out` had it, at
            first `out` itself.
        pool: the cluster, and how many workers; None: on this machine this process alone.
        max_failures: how many tracks may fail before the run is stopped: a number, or a share of
            all tracks such as "5%"; None: any number.
        timeout: how long a stage may take over a section before its worker is killed, in s; 0:
            for ever. Not where this process is the only worker.

    Raises:
        SettingError: an unknown executor, a cluster that does not answer, weights that cannot be
            had, a device that Ray gives out, an output folder that
            cannot be written or in which another run is at work.
        ClusterLostError: the cluster has gone.
        OSError: the manifest cannot be written (a full disk): run the same command again.
    """
    executor = choose_executor(executor, pool or Pool())
    pool = pool or Pool(max_workers=1 if executor == "local" else None)
    execute = get_executor(executor)
    if executor == "ray":
        check_devices(jobs)
    most = most_failures(max_failures, len(jobs))
    fetch_weights(jobs, pipeline)
    with_weights = stages_with_weights(jobs)
    workspace = Workspace(out, work_in or last_work(out))
    with workspace.locked() as held, _named() as name:
        context = RunContext(
            out=str(workspace.out), work=workspace.elsewhere, command=pipeline.command,
            id=name, force=force, with_weights=with_weights, on_progress=on_progress,
        )  # fmt: skip
        known = Known(context)
        heartbeat = Heartbeat(context, len(jobs), executor, known.newest)
        results = Tally(heartbeat, on_progress, on_outcome, most)
        with heartbeat.beating(), storage.interrupts_remembered():
            for outcome in known.done(jobs):
                results.record(outcome)
            clips = known.clips([job for job in jobs if job.track not in results.tracks])
            del known
            context, pool = _staffed(context, pool, executor, clips.jobs, timeout)
            pool = replace(pool, on_told=results.progress)
            with closing(execute(pipeline.steps(context), clips, pool)) as done:
                _collect(done, results, held, workspace.out)
            stopped = results.stopped
            if stopped:
                heartbeat.stop(stopped)
            else:
                for outcome in _lost(context, clips, results.tracks):
                    results.record(outcome)
            results.restamp(workspace.out)
            manifest.compact(workspace.out)
        if not stopped:
            workspace.tidy()
    return Summary(workspace.out, results.tracks, stopped)


def _staffed(
    context: RunContext, pool: Pool, executor: str, jobs: Sequence[Job], timeout: Seconds
) -> tuple[RunContext, Pool]:
    """What workers are told, and how many there are for these jobs."""
    if executor == "local":
        pool = replace(pool, max_workers=workers_for(jobs, context.command, pool))
    if executor == "ray" or pool.max_workers != 1:
        context = _for_workers(context, timeout)
    return _for_machines(context, pool, jobs) if executor == "ray" else (context, pool)


def _for_workers(context: RunContext, timeout: Seconds) -> RunContext:
    """The context of a run whose workers are processes of their own."""
    # a driver that is killed takes its workers along: no input's fault
    context.workspace.forget_attempts()
    return replace(context, timeout=timeout, on_progress=tell)


def _for_machines(context: RunContext, pool: Pool, jobs: Sequence[Job]) -> tuple[RunContext, Pool]:
    """What workers on other machines need besides."""
    probe = partial(try_storage, str(context.workspace.out), context.work)
    context = replace(context, files=packed_files(jobs, context.workspace))
    return context, replace(pool, probe=probe)


@contextmanager
def _named() -> Iterator[str]:
    """A name for a run that nobody can guess; in the end, what this process has copied under it
    goes."""
    name = secrets.token_hex(8)
    try:
        yield name
    finally:
        storage.leave_folder(name)


def _collect(done: Iterator[Clip], results: Tally, held: Held, out: Location) -> None:
    """Records what comes out of the pipeline, until its end or until too much has failed."""
    for clip in done:
        held.check()
        storage.check_interrupt()
        outcome = clip.outcome
        # a track can come out twice, if a lost worker's record was given to another
        if outcome is None or outcome.row.track in results.tracks:
            continue
        results.record(outcome)
        if not outcome.fresh:
            results.touched.append(outcome.row)
        if results.stopped:
            break
        if len(results.tracks) % COMPACT_EVERY == 0:
            with suppress(StorageError):  # it can wait
                if len(results.touched) >= RESTAMP_EVERY:
                    results.restamp(out)
                manifest.compact(out)


def _lost(context: RunContext, clips: Iterable[Clip], results: Container[str]) -> list[Outcome]:
    """Outcomes of the tracks of which the driver knows nothing: what their workers committed
    before they were lost; a failed row where they committed nothing."""
    missing = [clip for clip in clips if clip.job.track not in results]
    if not missing:
        return []
    names = [clip.job.track for clip in missing]
    rows = {row.track: row for row in manifest.read_tracks(context.workspace.out, names)}
    found = []
    for clip in missing:
        row = rows.get(clip.job.track)
        if row is None or row.finished_ns <= clip.finished_before:
            why = "its worker was lost and with it what it had to say; run the same command again"
            values = {"status": "failed", "error_code": "worker_killed", "message": why}
            found.append(finish(context, clip, values))
        else:
            found.append(Outcome(row))
    return found
