"""From what a user names (files, folders, a list) to jobs: one for every input, none lost."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from morphsep.errors import ErrorCode, SettingError, TrackError
from morphsep.settings import Settings

LOSSLESS = ("wav", "wave", "flac", "aif", "aiff", "aifc", "w64", "rf64", "caf")
LOSSY = ("mp3", "ogg", "oga", "opus", "m4a", "mp4", "aac", "wma")
LISTS = ("csv", "parquet")
LIST_COLUMNS = {
    "to": "to", "from": "from_", "amount": "amount", "stem": "stem", "backend": "backend",
    "separator": "separator", "format": "format", "subtype": "subtype",
}  # fmt: skip
"""Columns of a list besides path, output and transition, and the settings that they set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One input and what is to be done with it."""

    track: str
    """The output's path below OUT, with forward slashes; the track's identity."""
    path: str
    settings: Settings
    separator_reason: str = "asked for"
    refusal: tuple[ErrorCode, str] | None = None
    """Why it will not be done, known from its name alone."""
    refused_as: str = "failed"


def collect(inputs: Sequence[str], out: Path, settings: Settings) -> list[Job]:
    """Jobs of everything named, in order of their tracks.

    Args:
        inputs: files, folders (searched through, any case of extension) or lists (``.csv``,
            ``.parquet``) with a column ``path`` and per-row settings (`LIST_COLUMNS`).

    Raises:
        SettingError: nothing found, an unreadable list, an unknown column.
    """
    found = list(_found(inputs, out, settings))
    if not found:
        raise SettingError(f"no audio files found in: {', '.join(inputs) or '(nothing given)'}")
    own_stems = _own_stems(found)
    jobs = [job for job in found if os.path.realpath(job.path) not in own_stems]
    return _without_collisions([_refuse(job, out) for job in jobs])


def _found(inputs: Sequence[str], out: Path, settings: Settings) -> Iterator[Job]:
    base = _base(inputs)
    for text in inputs:
        path = Path(text)
        if path.suffix[1:].lower() in LISTS and path.is_file():
            yield from _listed(path, settings)
        elif path.is_dir() and (files := list(_walk(path, out))):
            for file in files:
                yield _job(str(file), os.path.relpath(file, base), settings)
        elif not path.is_dir() or _extension(text) in LOSSLESS + LOSSY:
            yield _job(text, os.path.relpath(text, base), settings)


def _base(inputs: Sequence[str]) -> str:
    """The folder that the outputs' tree mirrors: the deepest that holds every input."""
    folders = [
        os.path.abspath(text if os.path.isdir(text) else os.path.dirname(os.path.abspath(text)))
        for text in inputs
        if Path(text).suffix[1:].lower() not in LISTS
    ]
    try:
        return os.path.commonpath(folders) if folders else os.curdir
    except ValueError as error:  # several drives
        raise SettingError(f"the inputs have no folder in common: {error}") from error


def _walk(folder: Path, out: Path) -> Iterator[Path]:
    """Audio files below a folder; the output folder is not looked into."""
    skip = os.path.realpath(out)
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(
            f
            for f in folders
            if not f.startswith(".") and os.path.realpath(os.path.join(where, f)) != skip
        )
        for name in sorted(names):
            if not name.startswith(".") and _extension(name) in LOSSLESS + LOSSY:
                yield Path(where, name)
        for name in folders:
            if _extension(name) in LOSSLESS + LOSSY:
                yield Path(where, name)


def _extension(name: str) -> str:
    return os.path.splitext(name)[1][1:].lower()


def _job(path: str, relative: str, settings: Settings, output: str | None = None) -> Job:
    name = PurePosixPath(Path(output or relative))
    if output is None:
        name = name.with_name(_output_name(name.name, settings))
    return Job(track=str(name), path=path, settings=settings)


def _output_name(name: str, settings: Settings) -> str:
    root, extension = os.path.splitext(name)
    if settings.format is not None:
        return f"{root}.{settings.format.lower()}"
    return f"{root}.flac" if extension[1:].lower() in LOSSY else name


def _listed(path: Path, settings: Settings) -> Iterator[Job]:
    base = path.parent
    for number, row in enumerate(_read_list(path), start=1):
        given = {k: str(v) for k, v in row.items() if v is not None and str(v).strip() != ""}
        where = given.pop("path", "")
        if not where:
            raise SettingError(f"{path}: row {number} has no path")
        output = given.pop("output", None)
        file = base / where
        relative = os.path.relpath(file, base)
        if relative.startswith(os.pardir):
            relative = file.name
        yield _job(str(file), relative, _with_row(path, settings, given), output)


def _with_row(path: Path, settings: Settings, given: dict[str, str]) -> Settings:
    if "transition" in given:
        from morphsep.tones import get_transition

        given["from"], given["to"] = get_transition(given.pop("transition"))
    unknown = set(given) - set(LIST_COLUMNS)
    if unknown:
        known = ", ".join(["path", "output", "transition", *LIST_COLUMNS])
        raise SettingError(f"{path}: unknown column {sorted(unknown)[0]!r}; there are: {known}")
    changes: dict[str, Any] = {LIST_COLUMNS[name]: value for name, value in given.items()}
    return replace(settings, **changes)


def _read_list(path: Path) -> list[dict[str, Any]]:
    try:
        if path.suffix.lower() == ".csv":
            with path.open(newline="", encoding="utf-8-sig") as file:
                rows: list[dict[str, Any]] = list(csv.DictReader(file))
        else:
            import pyarrow.parquet as pq

            rows = pq.read_table(path).to_pylist()
    except (OSError, ValueError, csv.Error) as error:
        raise SettingError(f"the list {path} cannot be read: {error}") from error
    if any(None in row for row in rows):
        raise SettingError(f"the list {path} has rows with more fields than its first line names")
    return rows


def _own_stems(jobs: Sequence[Job]) -> set[str]:
    """Files that are the user's stem of another input: material, not inputs."""
    if not any(job.settings.stem for job in jobs):
        return set()
    from morphsep.separators.stem import resolve_stem

    return {
        os.path.realpath(resolve_stem(job.settings.stem, job.path))
        for job in jobs
        if job.settings.stem
    }


def _refuse(job: Job, out: Path) -> Job:
    here, there = os.path.realpath(out), os.path.realpath(job.path)
    target = os.path.normpath(os.path.join(here, job.track))
    if os.path.commonpath([here, target]) != here or target == here:
        raise SettingError(f"the output {job.track!r} of {job.path} would leave the output folder")
    if there == here or there.startswith(here + os.sep):
        why = "the input lies inside the output folder; choose an output folder elsewhere"
        return replace(job, refusal=("inside_output", why))
    return job


def _without_collisions(jobs: Sequence[Job]) -> list[Job]:
    """No two jobs write one file: a second file gets its own extension into its name."""
    kept: dict[str, Job] = {}
    for job in sorted(jobs, key=lambda job: _converted(job)):
        if job.track in kept and not _same(job, kept[job.track]):
            job = replace(job, track=_beside(job))
        if job.track in kept:
            job = _duplicate(job, kept)
        kept[job.track] = job
    return [kept[track] for track in sorted(kept)]


def _converted(job: Job) -> bool:
    """Files that keep their name come first, so that theirs is not taken."""
    return _extension(job.track) != _extension(job.path)


def _same(a: Job, b: Job) -> bool:
    return os.path.realpath(a.path) == os.path.realpath(b.path)


def _beside(job: Job) -> str:
    name = PurePosixPath(job.track)
    return str(name.with_name(f"{Path(job.path).name}{name.suffix}"))


def _duplicate(job: Job, kept: dict[str, Job]) -> Job:
    number = next(n for n in range(2, len(kept) + 3) if f"{job.track} ({n})" not in kept)
    why = (
        f"the output {job.track} is already taken by {kept[job.track].path}; "
        "name this input once, or give it its own `output` in a list"
    )
    return replace(
        job, track=f"{job.track} ({number})", refusal=("duplicate", why), refused_as="skipped"
    )


def refused(job: Job) -> TrackError | None:
    """The refusal as an exception, for the stages."""
    return TrackError(*job.refusal) if job.refusal else None
