"""What a track costs, as far as its header tells."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from morphsep import audio
from morphsep.dsp import Seconds, model_length
from morphsep.errors import TrackError
from morphsep.manifest import StepRow, TrackRow
from morphsep.morphing import Recipe, build, members_of
from morphsep.request import Command, Job
from morphsep.run import access_costs
from morphsep.run.access_costs import COPYING
from morphsep.storage import location

NO_STEPS: Mapping[str, Sequence[StepRow]] = MappingProxyType({})
ROUND_IT = "scan and assemble"
"""What is done besides separating and morphing."""
SPEED = {
    "demucs": 0.67, "roformer": 0.15,
    "embedded": 14.0, "harmonic": 31.0, "stem": 62.0, "none": 140.0,
    "chain": 67.0, "spectral": 49.0, "crossfade": 97.0, "vocoder": 63.0,
    ROUND_IT: 33.0,
    "declick": 1.6, "dehum": 6.0, "dehiss": 10.0, "speed": 600.0, COPYING: 4.5,
}  # fmt: skip
"""Seconds of audio per second of work on the 2-core machine of docs/reference/benchmarks.md
(stereo, 44.1 kHz; of repairs see `access_costs`). Used until a manifest holds figures of the
machine at hand."""
MEMORY_GB = {
    "demucs": 1.5, "roformer": 1.5, "embedded": 0.9, "harmonic": 0.5, "declick": 1.0,
}  # fmt: skip
OTHER_MEMORY_GB = 0.4
"""Peak resident memory with 300 s sections, same page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one track costs."""

    separator: str
    """Empty where nothing is separated."""
    backend: str
    """Empty where nothing is morphed."""
    duration: Seconds
    seconds: Mapping[str, Seconds]
    """Of work, by separator, backend, repair, and `ROUND_IT` or `COPYING`."""
    chunks: int
    sections: int
    bytes_of_stem: int
    bytes_kept: int
    """Result, what lies beside it, and what is cached."""
    repairs: Sequence[str] = ()
    """Of an access copy: their names."""

    @property
    def work(self) -> Seconds:
        """All of it."""
        return sum(self.seconds.values())

    @property
    def in_sections(self) -> Seconds:
        """What of it is done section by section."""
        shared = (self.separator.partition(":")[0], self.backend)
        return sum(self.seconds.get(name, 0.0) for name in shared)

    @property
    def memory_gb(self) -> float:
        """Peak of the process that does it."""
        kinds = [member.partition(":")[0] for member in members_of(self.separator)]
        separating = sum(MEMORY_GB.get(kind, OTHER_MEMORY_GB) for kind in kinds)
        return max(separating, *(MEMORY_GB.get(name, 0.0) for name in self.repairs), 0.0)


def cost_of(
    job: Job, info: audio.AudioInfo, num_bytes: int, command: Command,
    speed: Mapping[str, float] = SPEED,
) -> Cost:  # fmt: skip
    """What a job costs whose input has this header and size."""
    recipe = build(job.settings)
    if command == "restore":
        return _cost_of_access(recipe, info, num_bytes, speed)
    length = model_length(info.num_samples, info.sample_rate)
    morphed = recipe.length(info.num_samples, info.sample_rate) if command == "morph" else length
    separator = job.settings.separator
    backend = recipe.backend.name if command == "morph" else ""
    stages = [separator.partition(":")[0], *filter(None, [backend]), ROUND_IT]
    stem = length * min(info.num_channels, 2) * 4
    longer = morphed / max(length, 1)
    # two parts in float, or a result of the input's size and its tail
    result = round(num_bytes * longer) if command == "morph" else 2 * stem
    heard = dict.fromkeys(stages, info.duration) | {backend: info.duration * longer}
    return Cost(
        separator=separator,
        backend=backend,
        duration=info.duration,
        seconds={stage: heard[stage] / _speed(stage, separator, speed) for stage in stages},
        chunks=recipe.grid.num_chunks(morphed),
        sections=-(-morphed // recipe.section),
        bytes_of_stem=stem,
        bytes_kept=stem + result,
    )


def _cost_of_access(
    recipe: Recipe, info: audio.AudioInfo, num_bytes: int, speed: Mapping[str, float]
) -> Cost:
    """What an access copy costs: its repairs, and its guitar's morph if one is asked for."""
    longer = float(access_costs.stretch(recipe))
    heard, names = access_costs.heard(recipe, info), ["", ""]
    length = 0
    if recipe.morphs:
        names = [recipe.settings.separator, recipe.backend.name]
        length = model_length(round(info.num_samples * longer), info.sample_rate)
        heard |= dict.fromkeys((names[0].partition(":")[0], names[1]), info.duration * longer)
    separator, backend = names
    stem = length * min(info.num_channels, 2) * 4
    return Cost(
        separator=separator,
        backend=backend,
        duration=info.duration,
        seconds={stage: heard[stage] / _speed(stage, separator, speed) for stage in heard},
        chunks=recipe.grid.num_chunks(length) if length else 0,
        sections=-(-length // recipe.section),
        bytes_of_stem=stem,
        bytes_kept=stem + round(num_bytes * longer) + access_costs.bytes_beside(recipe, info),
        repairs=[repair.name for repair in recipe.repairs],
    )


def _speed(stage: str, separator: str, speed: Mapping[str, float]) -> float:
    """Of a stage; of an ensemble that has not been measured, that of its members in turn."""
    if stage == "ensemble" and stage not in speed:
        kinds = [member.partition(":")[0] for member in members_of(separator)]
        return 1 / sum(1 / speed.get(kind, 1.0) for kind in kinds)
    return speed.get(stage, 1.0)


def header(job: Job) -> tuple[audio.AudioInfo, int] | str | None:
    """(header, bytes) of an input, or what is wrong with it; None if it has to be fetched first."""
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
        return None if error.code == "storage" else error.message
    except FileNotFoundError:
        return "there is no such object; check its name"
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"


def speeds(
    rows: Iterable[TrackRow], steps: Mapping[str, Sequence[StepRow]] = NO_STEPS
) -> tuple[dict[str, float], bool]:
    """Seconds of audio per second of work: measured in earlier rows where they tell.

    Args:
        steps: of the rows that are access copies, by their tracks.
    """
    spent: defaultdict[str, float] = defaultdict(float)
    music: defaultdict[str, float] = defaultdict(float)
    for row in rows:
        if row.status != "ok" or not row.duration:
            continue
        for stage, seconds, heard in _spent(row, steps.get(row.track, ())):
            # a cached stem took no time and says nothing
            if stage and seconds > row.duration / 5000:
                spent[stage] += seconds
                music[stage] += heard
    here = {stage: music[stage] / spent[stage] for stage in spent}
    return SPEED | here, bool(here)


def _spent(row: TrackRow, steps: Sequence[StepRow]) -> Iterator[tuple[str, Seconds, Seconds]]:
    """(stage, seconds of work, seconds of audio) of a finished track."""
    duration = row.duration or 0.0
    yield (row.separator or "").partition(":")[0], row.seconds_separate or 0.0, duration
    yield row.backend or "", row.seconds_morph or 0.0, duration
    if row.steps is not None:
        yield from access_costs.spent(row, steps)
    else:
        yield ROUND_IT, (row.seconds_scan or 0.0) + (row.seconds_assemble or 0.0), duration
