"""No two results of one name, and no result of an earlier run overwritten by another input's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from morphsep import manifest
from morphsep.request.job import Command, Job
from morphsep.request.naming import output_name, output_name_before, whole_output_name
from morphsep.storage import Identities, folder_of, location

Before = Mapping[str, str]
"""Tracks of earlier runs whose names are not their inputs' -> their inputs."""


def renamed_before(out: str) -> Before:
    """The rows in an output folder that do not have their input's name, with their inputs; those
    that failed, too, so that `--rerun failed` finds them."""
    if not manifest.table_folder(out, "tracks").children(".parquet"):
        return {}
    rows = manifest.read_known(out, ("input",))
    pairs = zip(rows["track"].to_pylist(), rows["input"].to_pylist(), strict=True)
    return {track: source for track, source in pairs if _last(track) != _last(source)}


def named_apart(
    jobs: Sequence[Job], command: Command, before: Before, identity: Identities
) -> list[Job]:
    """The jobs in order of their tracks, no two of which write one file.

    What an earlier run has written keeps its name. The second job on one file gets a number
    (``x (2).wav``), and so does a file whose name is another's result. The same job twice is
    skipped the second time.
    """
    kept: dict[str, Job] = {}
    made: dict[tuple[object, ...], str] = {}
    numbers: defaultdict[str, int] = defaultdict(lambda: 2)
    jobs = [_as_before(job, command, before) for job in jobs]
    for job in sorted(jobs, key=_is_renamed):
        wanted = (job.track, identity(job.path), job.settings)
        twin = kept.get(job.track)
        if twin is not None and identity(job.path) != identity(twin.path):
            name = whole_output_name(_last(job.path), job.settings, command)
            job = replace(job, track=_beside(job.track, name))
            twin = kept.get(job.track)
        if twin is not None:
            track = job.track
            # what was taken once stays taken: each number is tried only once
            while (numbered := _numbered(track, numbers[track])) in kept:
                numbers[track] += 1
            job = replace(job, track=numbered)
        if wanted in made:
            job = _skipped(job, made[wanted])
        made.setdefault(wanted, job.track)
        kept[job.track] = job
    return [kept[track] for track in sorted(kept)]


def _as_before(job: Job, command: Command, before: Before) -> Job:
    """The job under the name that its result has in a folder of an older version, or, where it
    would take the place of its neighbour's result there, under another."""
    name = _last(job.path)
    if _last(job.track) != output_name(name, job.settings, command):  # chosen by the user
        return job
    old = _beside(job.track, output_name_before(name, job.settings, command))
    if before.get(old) == job.path:
        return replace(job, track=old)
    owner = before.get(job.track, job.path)
    if owner == job.path or folder_of(owner) != folder_of(job.path) or not location(owner).exists():
        return job
    return replace(job, track=_beside(job.track, whole_output_name(name, job.settings, command)))


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _is_renamed(job: Job) -> bool:
    """Files that keep their name come first, so that no other takes it."""
    return _last(job.track) != _last(job.path)


def _beside(track: str, name: str) -> str:
    return str(PurePosixPath(track).with_name(name))


def _numbered(track: str, number: int) -> str:
    name = PurePosixPath(track)
    return str(name.with_name(f"{name.stem} ({number}){name.suffix}"))


def _skipped(job: Job, track: str) -> Job:
    why = f"the same as {track}, which this run makes already; name it once"
    return replace(job, refusal=("duplicate", why), refused_as="skipped")
