"""``morphsep plan``: what a run would do and cost. Reads headers only, writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from morphsep import audio, manifest
from morphsep.access import check_header
from morphsep.dsp import Seconds
from morphsep.errors import TrackError
from morphsep.request import Command, Job
from morphsep.run.costs import cost_of, header, speeds
from morphsep.run.executors import Pool
from morphsep.run.jobs import settle_jobs
from morphsep.run.workers import choose_for
from morphsep.storage import location

Header = tuple[audio.AudioInfo, int] | str | None
"""See `header`."""

AT_ONCE = 16
"""Headers in an object store that are read at the same time: each is a few requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would do."""

    files: int
    readable: int
    of_unknown_length: int
    """Readable files that lie elsewhere and that only ffmpeg reads, once they are fetched: in none
    of the sums below."""
    done_before: int
    """Tracks with an ok row in the manifest (the run checks whether it still holds)."""
    hours: float
    durations: list[Seconds]
    """Of each readable file."""
    chunks: int
    sections: int
    repairs: dict[str, int]
    """Of access copies: files per repair."""
    separators: dict[str, int]
    """Files per separator; none where nothing is asked of the guitar."""
    backends: dict[str, int]
    """Files per backend; none where nothing is morphed."""
    reasons: list[str]
    """Why each separator, where it was chosen automatically."""
    hours_of_work: float
    """Estimated, on one machine such as this."""
    workers: int | None
    """Processes that share the work on this machine; None: a cluster decides."""
    hours_here: float | None
    """Estimated time that they take."""
    measured_here: bool
    """Whether the estimate comes from this output folder's own manifest."""
    memory_gb: float
    """Estimated peak of each worker."""
    disk_gb: float
    """Results and what lies beside them, cached stems, and what the longest track needs while it
    is worked on."""
    problems: list[str]
    """Files that would become failed or skipped rows, as far as their headers tell."""

    def lines(self) -> list[str]:
        """For people; first what is wrong, where nothing can be read."""
        problems = [f"problem   {text}" for text in self.problems]
        if not self.readable and not self.of_unknown_length:
            return [*problems, f"files     {self.files} (none readable)"]
        source = "earlier runs in this output folder" if self.measured_here else "reference figures"
        chunks = f", {self.chunks} chunks" if self.backends else ""
        sections = f" in {self.sections} sections{chunks}" if self.sections else ""
        lines = [
            f"files     {self.files} ({self.readable} readable, {self.done_before} with a result)",
            f"audio     {self.hours:.2f} h{sections}",
            *self._done_by(),
            f"time      about {_hours(self.hours_of_work)} of work (from {source}){self._here()}",
            f"memory    about {self.memory_gb:.1f} GB at its peak{self._each()}",
            f"disk      about {self.disk_gb:.2f} GB{self._included()}",
        ]
        return lines + self._unknown() + self.reasons + problems

    def _done_by(self) -> Iterator[str]:
        if self.repairs:
            yield f"repairs   {_counted(self.repairs)}"
        if self.separators:
            backends = f"; backend {_counted(self.backends)}" if self.backends else ""
            yield f"separator {_counted(self.separators)}{backends}"

    def _included(self) -> str:
        beside = {"differences": self.repairs, "cached stems": self.separators}
        named = " and ".join(name for name, files in beside.items() if files)
        return f", {named} included" if named else ""

    def _unknown(self) -> list[str]:
        number = self.of_unknown_length
        which = "1 file is" if number == 1 else f"{number} files are"
        why = "of kinds that ffmpeg reads once they are fetched"
        return [f"besides   {which} not in these sums: {why}"] if number else []

    def _here(self) -> str:
        if self.workers is None or self.hours_here is None:
            return ""
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        return f": {_hours(self.hours_here)} for {workers} on this machine"

    def _each(self) -> str:
        return "" if self.workers == 1 else " for each worker"


def plan(
    jobs: Sequence[Job], out: str | Path, command: Command = "morph", *,
    pool: Pool | None = None, on_cluster: bool = False,
) -> Plan:  # fmt: skip
    """Adds up what the jobs would cost.

    Args:
        pool: how many workers it may be on this machine.
        on_cluster: it will be done on a cluster.

    Raises:
        SettingError: settings that cannot work.
    """
    jobs = settle_jobs(jobs, on_cluster)
    rows = manifest.read_tracks(location(out))
    speed, measured = speeds(rows, manifest.steps_by_track(location(out), rows))
    infos, num_unknown, problems = _probe(jobs)
    costs = [cost_of(*found, command, speed) for found in infos]
    disk = sum(cost.bytes_kept for cost in costs)
    settings = [job.settings for job, *_ in infos]
    workers, seconds = (
        (None, None)
        if on_cluster
        else choose_for(list(zip(settings, costs, strict=True)), pool or Pool())
    )
    return Plan(
        files=len(jobs),
        readable=len(infos) + num_unknown,
        of_unknown_length=num_unknown,
        done_before=len({r.track for r in rows if r.status == "ok"} & {j.track for j in jobs}),
        hours=sum(cost.duration for cost in costs) / 3600,
        durations=[cost.duration for cost in costs],
        chunks=sum(cost.chunks for cost in costs),
        sections=sum(cost.sections for cost in costs),
        repairs=dict(Counter(name for cost in costs for name in cost.repairs)),
        separators=dict(Counter(cost.separator for cost in costs if cost.separator)),
        backends=dict(Counter(cost.backend for cost in costs if cost.backend)),
        reasons=sorted({j.separator_reason for j in jobs} - {"asked for"}),
        hours_of_work=sum(cost.work for cost in costs) / 3600,
        measured_here=measured,
        workers=workers,
        hours_here=seconds / 3600 if seconds is not None else None,
        memory_gb=max((cost.memory_gb for cost in costs), default=0.0),
        disk_gb=(disk + max((cost.bytes_of_stem for cost in costs), default=0)) / 1e9,
        problems=problems,
    )


def _probe(
    jobs: Sequence[Job],
) -> tuple[list[tuple[Job, audio.AudioInfo, int]], int, list[str]]:
    """(job, header, bytes) of the inputs whose headers can be read, how many are read once they are
    fetched, and what is wrong with the others."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        look = map if all(location(job.path).is_local for job in jobs) else threads.map
        found = list(zip(jobs, look(header, jobs), strict=True))
    found = [(job, _allowed(job, said)) for job, said in found]
    infos = [(job, *said) for job, said in found if isinstance(said, tuple)]
    num_unknown = sum(said is None for _, said in found)
    return infos, num_unknown, [f"{job.path}: {why}" for job, why in found if isinstance(why, str)]


def _allowed(job: Job, said: Header) -> Header:
    """The same; what is wrong with it where a master must not be repaired as asked."""
    if isinstance(said, tuple):
        try:
            check_header(said[0], job.settings)
        except TrackError as error:
            return error.message
    return said


def _counted(names: dict[str, int]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in names.items()) or "none"


def _hours(hours: Seconds) -> str:
    if hours < 1 / 60:
        return f"{hours * 3600:.0f} s"
    return f"{hours * 60:.0f} min" if hours < 1 else f"{hours:.1f} h"
