"""What repairs would find in a master: it is looked at, and nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from morphsep import storage
from morphsep.access.channels import note_of_channels
from morphsep.access.depth import Depth, Exact
from morphsep.access.differences import between
from morphsep.access.repair import check_header, check_level
from morphsep.access.sounds import Master, Resized, Sound, spans
from morphsep.access.writing import check_fits
from morphsep.dsp import Reader, Seconds
from morphsep.errors import TrackError
from morphsep.morphing import Repair, build
from morphsep.request import TIMBRE, Job
from morphsep.restoration import Resizing, repaired
from morphsep.stages import Readable, Workspace, output_of, scan


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a repair finds."""

    step: str
    summary: str
    findings: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What all repairs find in one master, each in what the one before would leave."""

    track: str
    path: str
    duration: Seconds = 0.0
    steps: list[Looked] = field(default_factory=list)
    note: str = ""
    """What is to be known of its channels."""
    problem: str | None = None
    """Why it cannot be restored."""

    def lines(self) -> Iterator[str]:
        """For people."""
        if self.problem is not None:
            yield f"{self.path}: {self.problem}"
            return
        yield f"{self.path} ({self.duration:.1f} s)"
        for each in self.steps:
            yield f"  {each.step:8} {each.summary}"
        if self.note:
            yield f"  note     {self.note}"
        if not self.steps:
            yield "  no repairs"


UNTRIED = Looked(
    step=TIMBRE, findings={},
    summary="not tried: whether the guitar's morph fits under full scale, and keeps what must not "
    "change, a run finds",
)  # fmt: skip


class _Repaired(Sound):
    """What a repair would leave: sample for sample what a run writes."""

    def __init__(self, sound: Sound, made: Reader, depth: Depth) -> None:
        super().__init__(sound.info)
        self._sound, self._added = sound, between(sound, made, depth)

    def exact(self, start: int, num_samples: int) -> Exact:
        """See `Sound`."""
        return self._sound.exact(start, num_samples) + self._added(start, num_samples)


def survey(job: Job) -> Survey:
    """Looks at the master of a settled job."""
    if job.refusal is not None:
        return Survey(track=job.track, path=job.path, problem=job.refusal[1])
    try:
        return _survey(job)
    except TrackError as error:
        return Survey(track=job.track, path=job.path, problem=error.message)


def _survey(job: Job) -> Survey:
    recipe = build(job.settings)
    with storage.private_folder() as folder:
        readable = Readable(job.path, folder / "input", job.settings.channels)
        check_header(readable.info, job.settings)
        depth = Depth.of(output_of(job, readable.info, "restore"))
        check_level(scan(readable, Workspace(folder, "")), depth)
        with readable.open() as reader:
            looked = list(_looked(Master(reader, depth), recipe.repairs, depth))
            note = note_of_channels(Master(reader, depth))
    if recipe.morphs:
        looked.append(UNTRIED)
    return Survey(
        track=job.track, path=job.path, duration=readable.info.duration, steps=looked, note=note
    )


def _looked(sound: Sound, repairs: Sequence[Repair], depth: Depth) -> Iterator[Looked]:
    """What each repair finds in what those before it leave.

    Raises:
        TrackError: at another speed it would exceed full scale.
    """
    for repair in repairs:
        findings = repair.look(sound)
        yield Looked(step=repair.name, summary=findings.summary(), findings=findings.to_json())
        made = repaired(sound, repair, findings)
        if isinstance(repair, Resizing):
            sound = Resized(made, depth)
            for start, num_samples in spans(sound.info):
                check_fits(sound.exact(start, num_samples), depth, start / sound.info.sample_rate)
        else:
            sound = _Repaired(sound, made, depth)
