"""How many workers a run gets on this machine: what is done soonest, within its memory.

One worker is this process: it costs no start, and a model in it uses the cores by itself (lanes,
see `morphsep.models.BatchRunner`). More are processes that share the cores.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from morphsep.audio import AudioInfo
from morphsep.dsp import Seconds
from morphsep.models import MAX_LANES, device
from morphsep.request import Command, Job, Settings
from morphsep.run.costs import OTHER_MEMORY_GB, Cost, cost_of, header
from morphsep.run.executors import Pool, free_memory, num_cores
from morphsep.run.jobs import weights_of
from morphsep.storage import is_remote

START: Seconds = 2.0
"""Until a new process is at work, all loaded (docs/reference/benchmarks.md)."""
LOOKS = 20
"""Tracks whose headers are read, spread over all: enough to know what the others are like."""
SEGMENT: Seconds = 8.0
"""What a model works on at once: as many lanes as a section has segments are of use."""

SONG = AudioInfo(
    path="", format="FLAC", subtype="PCM_16", sample_rate=44100, num_channels=2,
    num_samples=200 * 44100,
)  # fmt: skip
"""What an input in an object store is taken for: asking would be requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What tracks that are alike cost on one core."""

    tracks: float = 1.0
    model: Seconds = 0.0
    """In models, which use lanes. This and the next are those of one track."""
    shared: Seconds = 0.0
    """What else several workers can share, section by section."""
    alone: Seconds = 0.0
    """What one worker has to do by itself."""
    sections: int = 1
    segments: int = 1
    """Of a section, for a model."""
    memory_gb: float = 0.0

    def took(self, lanes: int) -> Seconds:
        """What keeps one worker busy for a track."""
        return self.model / min(lanes, self.segments) + self.shared + self.alone

    def least(self, lanes: int) -> Seconds:
        """What a track takes with however many workers."""
        return self.alone + (self.took(lanes) - self.alone) / self.sections


def work_of(cost: Cost, settings: Settings, models: Iterable[str]) -> Work:
    """The work of one track, of which these stages load weights."""
    names = {"separate": cost.separator.partition(":")[0], "morph": cost.backend}
    model = sum(cost.seconds.get(names[stage], 0.0) for stage in models)
    return Work(
        model=model, alone=cost.work - cost.in_sections, shared=cost.in_sections - model,
        sections=max(1, cost.sections),
        segments=max(1, round(min(cost.duration, settings.section) / SEGMENT)),
        memory_gb=cost.memory_gb,
    )  # fmt: skip


def choose(work: Sequence[Work], pool: Pool, uses_gpu: bool = False) -> tuple[int, Seconds]:
    """How many workers, and after about how many seconds they are done. As many as were asked for,
    if any were; else those that are done first. A GPU is left to one."""
    estimate = _Estimate(work, num_cores())
    if pool.max_workers is not None:
        return pool.max_workers, estimate.seconds(pool.max_workers)
    most = 1 if uses_gpu else max(1, int(min(estimate.cores, _fitting(work), _pieces(work))))
    soonest = min(range(1, most + 1), key=estimate.seconds)
    workers = max(pool.min_workers, soonest)
    return workers, estimate.seconds(workers)


def _fitting(work: Iterable[Work]) -> float:
    """Workers that memory holds."""
    memory = max((one.memory_gb for one in work), default=0.0)
    return free_memory() / memory if memory else float("inf")


def _pieces(work: Iterable[Work]) -> float:
    """What can be done at the same time."""
    return sum(one.tracks * one.sections for one in work)


class _Estimate:
    """How long it takes, by the number of workers."""

    def __init__(self, work: Iterable[Work], cores: int) -> None:
        self.cores = cores
        self._busy = [0.0] * (MAX_LANES + 1)
        """Of one worker that does it all, by its lanes."""
        self._last = [0.0] * (MAX_LANES + 1)
        """Of the longest track, with any number of workers."""
        for one in work:
            for lanes in range(1, MAX_LANES + 1):
                self._busy[lanes] += one.took(lanes) * one.tracks
                self._last[lanes] = max(self._last[lanes], one.least(lanes))

    def seconds(self, workers: int) -> Seconds:
        """From the start to the end."""
        lanes = min(MAX_LANES, max(1, self.cores // workers))
        if workers == 1:
            return self._busy[lanes]
        # in the end one of them may have begun its longest piece when the others are done
        last = self._last[lanes] * (1 - 1 / workers)
        return START + self._busy[lanes] / workers + last


def workers_for(jobs: Sequence[Job], command: Command, pool: Pool) -> int:
    """How many workers on this machine do these jobs."""
    if pool.max_workers is not None:
        return pool.max_workers
    readable = [job for job in jobs if job.refusal is None]
    seen = readable[:: -(-len(readable) // LOOKS) or 1]
    costs = [(job.settings, cost) for job in seen if (cost := _cost(job, command)) is not None]
    each = len(readable) / len(seen) if seen else 1.0
    return choose_for(costs, pool, each)[0]


def choose_for(
    costs: Sequence[tuple[Settings, Cost]], pool: Pool, each: float = 1.0
) -> tuple[int, Seconds]:
    """As `choose`, for tracks with these settings, of which each stands for so many."""
    models = {settings: weights_of(settings) for settings in {settings for settings, _ in costs}}
    work = (work_of(cost, settings, models[settings]) for settings, cost in costs)
    return choose([replace(one, tracks=each) for one in work], pool, _uses_gpu(models))


def workers_for_durations(durations: Iterable[Seconds], speed: float, pool: Pool) -> int:
    """How many workers on this machine go through sounds of these durations, each worker through
    `speed` seconds of them in a second."""
    work = [Work(alone=each / speed, memory_gb=OTHER_MEMORY_GB) for each in durations]
    return choose(work, pool)[0]


def _uses_gpu(models: Mapping[Settings, Collection[str]]) -> bool:
    """Whether any of the stages that load weights, by settings, does so for another device than the
    CPU."""
    names = {settings.device for settings, stages in models.items() if stages}
    return any(device(name).type != "cpu" for name in names)


def _cost(job: Job, command: Command) -> Cost | None:
    """What one job costs; None if its input cannot be read. Whatever is wrong with it becomes the
    track's row, later, and must not end the run here."""
    try:
        found = (SONG, 0) if is_remote(job.path) else header(job)
        return cost_of(job, *found, command) if isinstance(found, tuple) else None
    except Exception:
        return None
