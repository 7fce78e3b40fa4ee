"""``morphsep plan``: what a run would do and cost. Reads headers only, writes nothing."""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from morphsep import audio, manifest
from morphsep.dsp import Seconds, model_length
from morphsep.errors import TrackError
from morphsep.manifest import TrackRow
from morphsep.morphing import build
from morphsep.request import Command, Job
from morphsep.run.jobs import settle_jobs
from morphsep.storage import location

SPEED = {
    "demucs": 0.67, "embedded": 14.0, "harmonic": 31.0, "stem": 62.0, "none": 140.0,
    "chain": 67.0, "spectral": 49.0, "crossfade": 97.0, "vocoder": 63.0,
    "scan and assemble": 33.0,
}  # fmt: skip
"""Seconds of audio per second of work on the 2-core machine of docs/reference/benchmarks.md
(stereo, 44.1 kHz). Used until a manifest holds figures of the machine at hand."""
MEMORY_GB = {"demucs": 1.5, "embedded": 0.9, "harmonic": 0.5}
OTHER_MEMORY_GB = 0.4
"""Peak resident memory with 300 s sections, same page."""
AT_ONCE = 16
"""Headers in an object store that are read at the same time: each is a few requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would do."""

    files: int
    readable: int
    done_before: int
    """Tracks with an ok row in the manifest (the run checks whether it still holds)."""
    hours: float
    chunks: int
    sections: int
    separators: dict[str, int]
    """Files per separator."""
    backends: dict[str, int]
    """Files per backend; none where only stems are asked for."""
    reasons: list[str]
    """Why each separator, where it was chosen automatically."""
    hours_of_work: float
    """Estimated, on one machine such as this."""
    measured_here: bool
    """Whether the estimate comes from this output folder's own manifest."""
    memory_gb: float
    """Estimated peak."""
    disk_gb: float
    """Results and cached stems, and what the longest track needs while it is worked on."""
    problems: list[str]
    """Files that would become failed or skipped rows, as far as their headers tell."""

    def lines(self) -> list[str]:
        """For people; first what is wrong, where nothing can be read."""
        problems = [f"problem   {text}" for text in self.problems]
        if not self.readable:
            return [*problems, f"files     {self.files} (none readable)"]
        source = "this folder's manifest" if self.measured_here else "reference figures"
        chunks = f", {self.chunks} chunks" if self.backends else ""
        backends = f"; backend {_counted(self.backends)}" if self.backends else ""
        lines = [
            f"files     {self.files} ({self.readable} readable, {self.done_before} with a result)",
            f"audio     {self.hours:.2f} h in {self.sections} sections{chunks}",
            f"separator {_counted(self.separators)}{backends}",
            f"time      about {_hours(self.hours_of_work)} of work (from {source})",
            f"memory    about {self.memory_gb:.1f} GB at its peak",
            f"disk      about {self.disk_gb:.2f} GB, cached stems included",
        ]
        return lines + self.reasons + problems


def plan(jobs: Sequence[Job], out: str | Path, command: Command = "morph") -> Plan:
    """Adds up what the jobs would cost.

    Raises:
        SettingError: settings that cannot work.
    """
    jobs = settle_jobs(jobs)
    rows = manifest.read_tracks(location(out))
    speed, measured = _speeds(rows)
    infos, problems = _probe(jobs)
    costs = [_cost(*found, speed, command) for found in infos]
    separators = Counter(cost.separator for cost in costs)
    memory = [MEMORY_GB.get(name.partition(":")[0], OTHER_MEMORY_GB) for name in separators]
    disk = sum(cost.bytes_kept for cost in costs)
    return Plan(
        files=len(jobs),
        readable=len(infos),
        done_before=len({r.track for r in rows if r.status == "ok"} & {j.track for j in jobs}),
        hours=sum(cost.duration for cost in costs) / 3600,
        chunks=sum(cost.chunks for cost in costs),
        sections=sum(cost.sections for cost in costs),
        separators=dict(separators),
        backends=dict(Counter(cost.backend for cost in costs if cost.backend)),
        reasons=sorted({j.separator_reason for j in jobs} - {"asked for"}),
        hours_of_work=sum(cost.work for cost in costs) / 3600,
        measured_here=measured,
        memory_gb=max(memory, default=0.0),
        disk_gb=(disk + max((cost.bytes_of_stem for cost in costs), default=0)) / 1e9,
        problems=problems,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cost:
    """What one track would cost."""

    separator: str
    backend: str
    """Empty where only stems are asked for."""
    duration: Seconds
    work: Seconds
    chunks: int
    sections: int
    bytes_of_stem: int
    bytes_kept: int
    """Result and cached stem."""


def _cost(
    job: Job, info: audio.AudioInfo, num_bytes: int, speed: dict[str, float], command: Command
) -> _Cost:
    recipe = build(job.settings)
    length = model_length(info.num_samples, info.sample_rate)
    separator = job.settings.separator
    backend = recipe.backend.name if command == "morph" else ""
    stages = [separator.partition(":")[0], *filter(None, [backend]), "scan and assemble"]
    stem = length * min(info.num_channels, 2) * 4
    # two parts in float, or a result of the input's size
    result = num_bytes if command == "morph" else 2 * stem
    return _Cost(
        separator=separator,
        backend=backend,
        duration=info.duration,
        work=sum(info.duration / speed.get(stage, 1.0) for stage in stages),
        chunks=recipe.grid.num_chunks(length),
        sections=-(-length // recipe.section),
        bytes_of_stem=stem,
        bytes_kept=stem + result,
    )


def _probe(jobs: Sequence[Job]) -> tuple[list[tuple[Job, audio.AudioInfo, int]], list[str]]:
    """(job, header, bytes) of the readable inputs, and what is wrong with the others."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        look = map if all(location(job.path).is_local for job in jobs) else threads.map
        found = list(zip(jobs, look(_header, jobs), strict=True))
    infos = [(job, *header) for job, header in found if not isinstance(header, str)]
    return infos, [f"{job.path}: {header}" for job, header in found if isinstance(header, str)]


def _header(job: Job) -> tuple[audio.AudioInfo, int] | str:
    """(header, bytes) of an input, or what is wrong with it."""
    if job.refusal is not None:
        return job.refusal[1]
    place = location(job.path)
    try:
        if place.is_local:
            return audio.probe(job.path), place.size()
        with place.open_header() as file:
            num_bytes = file.seek(0, io.SEEK_END)
            return audio.probe_open(file, job.path), num_bytes
    except TrackError as error:
        return error.message
    except FileNotFoundError:
        return "there is no such object; check its name"


def _speeds(rows: Sequence[TrackRow]) -> tuple[dict[str, float], bool]:
    """Seconds of audio per second of work: measured in earlier rows where they tell."""
    spent: defaultdict[str, float] = defaultdict(float)
    music: defaultdict[str, float] = defaultdict(float)
    for row in rows:
        if row.status != "ok" or not row.duration:
            continue
        for stage, seconds in (
            ((row.separator or "").partition(":")[0], row.seconds_separate),
            (row.backend or "", row.seconds_morph),
            ("scan and assemble", (row.seconds_scan or 0.0) + (row.seconds_assemble or 0.0)),
        ):
            # a cached stem took no time and says nothing
            if stage and seconds and seconds > row.duration / 5000:
                spent[stage] += seconds
                music[stage] += row.duration
    here = {stage: music[stage] / spent[stage] for stage in spent}
    return SPEED | here, bool(here)


def _counted(names: dict[str, int]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in names.items()) or "none"


def _hours(hours: Seconds) -> str:
    if hours < 1 / 60:
        return f"{hours * 3600:.0f} s"
    return f"{hours * 60:.0f} min" if hours < 1 else f"{hours:.1f} h"
