"""A run: jobs through an executor into one output folder, and what is said of it at the end."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

from morphsep import interrupt, manifest
from morphsep.clip import Clip, OnProgress, Outcome
from morphsep.errors import SettingError
from morphsep.executors import Pipeline, Pool, choose, get_executor
from morphsep.heartbeat import Heartbeat
from morphsep.inputs import Job, Task
from morphsep.manifest import TrackRow
from morphsep.settings import Settings, build, forget, settle
from morphsep.signal import Seconds
from morphsep.stages import finish
from morphsep.storage import Location, StorageError, location
from morphsep.work import Work, nobody
from morphsep.workspace import Workspace, last_work

COMPACT_EVERY = 1000
"""Tracks after which the manifest's parts are joined: a folder of many small files is slow."""


Fate = Literal["done", "skipped", "failed"]


class Heard(NamedTuple):
    """What is kept of a track until the run ends; its row, ten times as much, is on storage."""

    status: str
    fresh: bool
    """Whether anything had to be done for it."""
    message: str | None
    output: str | None

    @property
    def fate(self) -> Fate:
        """``skipped``: done before, or nothing to do."""
        if self.status == "failed":
            return "failed"
        return "done" if self.fresh and self.status == "ok" else "skipped"


@dataclass(frozen=True)
class Summary:
    """How a run ended."""

    out: Location
    tracks: Mapping[str, Heard]
    """In the order in which they were finished."""
    stopped: str | None = None
    """Why it was stopped before its end, if it was."""

    def which(self, fate: Fate) -> dict[str, Heard]:
        """The tracks that came to this."""
        return {track: heard for track, heard in self.tracks.items() if heard.fate == fate}

    @cached_property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Every track's row, from the manifest."""
        rows = {row.track: row for row in manifest.read_tracks(self.out)}
        return tuple(Outcome(rows[track], heard.fresh) for track, heard in self.tracks.items())

    @property
    def done(self) -> list[TrackRow]:
        """Rows of the tracks that this run finished."""
        return [o.row for o in self.outcomes if self.tracks[o.row.track].fate == "done"]

    @property
    def failed(self) -> list[TrackRow]:
        """Rows of the tracks that failed."""
        return [o.row for o in self.outcomes if self.tracks[o.row.track].fate == "failed"]

    @property
    def exit_code(self) -> Literal[0, 2, 3]:
        """0: all done; 2: some tracks failed; 3: nothing could be done."""
        failed = len(self.which("failed"))
        if not failed and not self.stopped:
            return 0
        return 3 if failed == len(self.tracks) else 2


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
    out: str | Path,
    *,
    work_in: str | Path | None = None,
    task: Task = "morph",
    executor: str = "auto",
    pool: Pool | None = None,
    force: bool = False,
    max_failures: str | None = None,
    timeout: Seconds = 0.0,
    on_progress: OnProgress = nobody,
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,
) -> Summary:
    """Does all jobs (settled, see `settle_jobs`) and leaves one row for each in the manifest.

    Args:
        work_in: the folder (or URI) whose ``.morphsep`` all workers keep stems and everything
            else in that is needed between stages; None: where the last run in `out` had it, at
            first `out` itself.
        pool: the cluster and its workers, where the executor has any.
        max_failures: how many tracks may fail before the run is stopped: a number, or a share of
            all tracks such as "5%"; None: any number.
        timeout: how long a stage may take over a section before its worker is killed, in s; 0:
            for ever. Only where there are workers to kill.

    Raises:
        SettingError: an unknown executor, a device that Ray gives out, an output folder that
            cannot be written or in which another run is at work.
        OSError: the manifest cannot be written (a full disk): run the same command again.
    """
    pool = pool or Pool()
    executor = choose(executor, pool)
    execute = get_executor(executor)
    if executor == "ray":
        _check_devices(jobs)
    most = most_failures(max_failures, len(jobs))
    workspace = Workspace(out, work_in or last_work(out))
    with workspace.locked() as held:
        work = Work(
            out=str(workspace.out), work=workspace.elsewhere, task=task,
            run=secrets.token_hex(8), force=force,
            timeout=timeout if executor != "local" else 0.0, with_weights=_with_weights(jobs),
            files={} if executor == "local" else _packed(jobs, workspace),
            on_progress=on_progress if executor == "local" else nobody,
        )  # fmt: skip
        if executor != "local":
            # a driver that is killed takes its workers along: no input's fault
            workspace.forget_tries()
        clips, newest = _clips(jobs, workspace)
        heard: dict[str, Heard] = {}
        failed = 0
        heartbeat = Heartbeat(work, len(jobs), executor, newest)

        def hear(outcome: Outcome) -> None:
            row = outcome.row
            heard[row.track] = Heard(row.status, outcome.fresh, row.message, row.output)
            heartbeat.heard(outcome)
            on_outcome(outcome)

        with heartbeat.beating(), interrupt.remembered():
            for clip in execute(_pipeline(work), clips, pool):
                held.check()
                interrupt.check()
                outcome = clip.outcome
                # a track can come out twice, if a lost worker's record was given to another
                if outcome is None or outcome.row.track in heard:
                    continue
                hear(outcome)
                failed += outcome.row.status == "failed"
                if failed > most:
                    break
                if len(heard) % COMPACT_EVERY == 0:
                    with suppress(StorageError):  # it can wait
                        manifest.compact(workspace.out)
            stopped = failed > most
            if not stopped:
                for outcome in _unheard_of(work, clips, heard):
                    hear(outcome)
            manifest.compact(workspace.out)
        if not stopped:
            workspace.tidy()
    return Summary(
        workspace.out,
        heard,
        f"stopped: {failed} tracks failed, and --max-failures allows {most}" if stopped else None,
    )


def most_failures(text: str | None, num_tracks: int) -> float:
    """How many tracks may fail, from what a user writes: a number, or a share such as "5%".

    Raises:
        SettingError: it is neither.
    """
    if text is None:
        return float("inf")
    number = text.strip().removesuffix("%")
    if not number.isdecimal() or ("%" in text and int(number) > 100):
        raise SettingError(f"--max-failures takes a number or a share such as 5%, got {text!r}")
    return int(number) * num_tracks // 100 if "%" in text else int(number)


def _check_devices(jobs: Sequence[Job]) -> None:
    """Only workers that were given a GPU see one, and each sees its own alone."""
    for name in {job.settings.device for job in jobs}:
        if name.startswith("cuda"):
            raise SettingError(
                f"--device {name} is for one machine; a worker of Ray uses the GPU that it is "
                "given: leave --device out, and see --gpus-per-worker"
            )


def _pipeline(work: Work) -> Pipeline:
    from pipelines.reprocess import reprocess
    from pipelines.separate import separate

    return separate(work) if work.task == "separate" else reprocess(work)


def _clips(jobs: Sequence[Job], workspace: Workspace) -> tuple[list[Clip], int]:
    """One clip a job, and `finished_ns` of the newest row that there is before. Of tracks that
    share a stem the first come before all second ones, and so on: whoever needs a stem that is
    being made would only wait for it."""
    known = {row.track: row for row in manifest.read_tracks(workspace.out)}
    newest = max((row.finished_ns for row in known.values()), default=0)
    stems = [(job.path, job.settings.of_the_stem()) for job in jobs]
    sharing, seen = Counter(stems), Counter[Any]()
    clips: list[tuple[int, Clip]] = []
    for job, stem in zip(jobs, stems, strict=True):
        clip = Clip(
            job=job, previous=known.get(job.track), finished_before=newest,
            shares_stem=sharing[stem] > 1,
        )  # fmt: skip
        clips.append((seen[stem], clip))
        seen[stem] += 1
    return [clip for _, clip in sorted(clips, key=lambda found: found[0])], newest


def _packed(jobs: Iterable[Job], workspace: Workspace) -> dict[str, str]:
    """The files that settings name, put where workers on other machines find them."""
    from morphsep.packed_files import pack

    return pack({job.settings for job in jobs if job.refusal is None}, workspace.files)


def _with_weights(jobs: Iterable[Job]) -> frozenset[str]:
    """Names of the stages that load weights for any of the jobs."""
    recipes = [build(s) for s in {job.settings for job in jobs if job.refusal is None}]
    stages = {
        "separate": any(recipe.separator.weights_hash for recipe in recipes),
        "morph": any(hasattr(recipe.backend, "device") for recipe in recipes),
    }
    return frozenset(name for name, has_weights in stages.items() if has_weights)


def _unheard_of(work: Work, clips: Iterable[Clip], heard: Container[str]) -> list[Outcome]:
    """Outcomes of the tracks of which the driver has heard nothing: what their workers committed
    before they were lost; a failed row where they committed nothing."""
    missing = [clip for clip in clips if clip.job.track not in heard]
    if not missing:
        return []
    rows = {row.track: row for row in manifest.read_tracks(work.workspace.out)}
    found = []
    for clip in missing:
        row = rows.get(clip.job.track)
        if row is None or row.finished_ns <= clip.finished_before:
            why = "its worker was lost and with it what it had to say; run the same command again"
            values = {"status": "failed", "error_code": "worker_killed", "message": why}
            found.append(finish(work, clip, values))
        else:
            found.append(Outcome(row))
    return found


def only_failed(jobs: Iterable[Job], out: str | Path) -> list[Job]:
    """The jobs whose last row says that they failed.

    Returns:
        An empty list if nothing failed.
    """
    failed = {row.track for row in manifest.read_tracks(location(out)) if row.status == "failed"}
    return [job for job in jobs if job.track in failed]
