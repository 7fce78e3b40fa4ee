"""The names of results below the output folder: one for each job, no two alike."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from morphsep.errors import SettingError
from morphsep.request.extensions import LOSSY, extension, format_named
from morphsep.request.job import Command, Job
from morphsep.request.settings import Settings
from morphsep.storage import absolute, identity


def new_job(
    path: str, below: str, settings: Settings, command: Command, output: str | None = None
) -> Job:
    """The job on an input.

    Args:
        path: the input.
        below: its path below the folder that all inputs share; decides the result's name.
        output: the result's name below the output folder, where the user chose it.

    Raises:
        SettingError: `output` names no file.
    """
    name = PurePosixPath(Path(os.path.normpath(output) if output else below))
    if not name.name:
        raise SettingError(f"the output {output!r} of {path} is not a file name")
    if output is not None and settings.format is None:
        settings = replace(settings, format=format_named(output))
    track = str(name.with_name(_output_name(name.name, settings, command)))
    return Job(track=track, path=absolute(path), settings=settings)


def _output_name(name: str, settings: Settings, command: Command, whole: bool = False) -> str:
    """The result's name. `whole` keeps the input's extension inside it, against collisions."""
    root, dot = os.path.splitext(name)
    suffix = "flac" if extension(name) in LOSSY else dot[1:]
    if command == "separate":
        suffix = "wav"
    if settings.format is not None and not _keeps_extension(name, settings.format, command):
        suffix = settings.format.lower()
    stem = name if whole else root
    part = ".guitar" if command == "separate" else ""
    return f"{stem}{part}.{suffix}" if suffix else f"{stem}{part}"


def _keeps_extension(name: str, file_format: str, command: Command) -> bool:
    """Whether a name may keep its own spelling of the format's extension (``.aif`` for aiff)."""
    return command == "morph" and format_named(name) == file_format.lower()


def without_collisions(jobs: Sequence[Job], command: Command) -> list[Job]:
    """The jobs in order of their tracks, no two of which write one file.

    The second of two files with one name gets its own extension into its result's name
    (``x.mp3.flac``), the second job on one file a number (``x (2).wav``). The same job twice is
    skipped the second time.
    """
    kept: dict[str, Job] = {}
    numbers: defaultdict[str, int] = defaultdict(lambda: 2)
    for job in sorted(jobs, key=_is_renamed):
        twin = kept.get(job.track)
        if twin is not None and not _same_file(job, twin):
            name = _output_name(Path(job.path).name, job.settings, command, whole=True)
            job = replace(job, track=_beside(job.track, name))
            twin = kept.get(job.track)
        if twin is not None:
            track = job.track
            # what was taken once stays taken: each number is tried only once
            while (numbered := _numbered(track, numbers[track])) in kept:
                numbers[track] += 1
            job = replace(_skipped_if_same(job, twin), track=numbered)
        kept[job.track] = job
    return [kept[track] for track in sorted(kept)]


def _is_renamed(job: Job) -> bool:
    """Files that keep their name come first, so that no other takes it."""
    return Path(job.track).name != Path(job.path).name


def _same_file(a: Job, b: Job) -> bool:
    return identity(a.path) == identity(b.path)


def _beside(track: str, name: str) -> str:
    return str(PurePosixPath(track).with_name(name))


def _numbered(track: str, number: int) -> str:
    name = PurePosixPath(track)
    return str(name.with_name(f"{name.stem} ({number}){name.suffix}"))


def _skipped_if_same(job: Job, twin: Job) -> Job:
    if not (_same_file(job, twin) and job.settings == twin.settings):
        return job
    why = f"the same as {twin.track}, which this run makes already; name it once"
    return replace(job, refusal=("duplicate", why), refused_as="skipped")
