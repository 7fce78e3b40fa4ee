"""From what a user names (files, folders, a list) to jobs: one for every input, none lost."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any

from morphsep.errors import ErrorCode, SettingError
from morphsep.request.job import Command, Job
from morphsep.request.lists import read_list
from morphsep.request.refusals import refuse
from morphsep.request.settings import Settings
from morphsep.storage import (
    absolute,
    beside,
    common,
    folder_of,
    identity,
    is_remote,
    location,
    relative,
)

LOSSLESS = ("wav", "wave", "flac", "aif", "aiff", "aifc", "w64", "rf64", "caf")
LOSSY = ("mp3", "ogg", "oga", "opus", "m4a", "mp4", "aac", "wma")
WRITTEN = ("wav", "flac", "aiff", "caf", "w64", "rf64", "ogg")
LISTS = ("csv", "parquet")
LIST_COLUMNS = {
    "to": "to", "from": "from_", "amount": "amount", "stem": "stem", "backend": "backend",
    "separator": "separator", "recording": "recording", "format": "format", "subtype": "subtype",
}  # fmt: skip
"""Columns of a list besides path, output and transition, and the settings that they set."""


def collect(
    inputs: Sequence[str], out: str | Path, settings: Settings, command: Command = "morph"
) -> list[Job]:
    """Jobs of everything named, in order of their tracks.

    Args:
        inputs: files, folders (searched through, any case of extension) or lists (``.csv``,
            ``.parquet``) with a column ``path`` and per-row settings (`LIST_COLUMNS`). Paths in a
            list are relative to the list. Everything may be a URI (s3://...).

    Raises:
        SettingError: nothing found, an unreadable list, an unknown column, stems asked for in a
            format that cannot add up to the mix.
    """
    out = absolute(os.fspath(out))
    found = list(_found(inputs, out, settings, command))
    if not found:
        raise SettingError(f"no audio files found in: {', '.join(inputs) or '(nothing given)'}")
    own_stems = _own_stems(job for job, _ in found)
    jobs = [job for job, walked in found if not (walked and identity(job.path) in own_stems)]
    if command == "separate":
        for job in jobs:
            _check_stems_add_up(job.settings)
    return _without_collisions([refuse(job, out) for job in jobs], command)


def _check_stems_add_up(settings: Settings) -> None:
    too_coarse = (settings.format or "").lower() == "ogg" or (settings.subtype or "").upper() in (
        "PCM_16", "PCM_U8", "PCM_S8", "VORBIS", "OPUS",
    )  # fmt: skip
    if too_coarse:
        raise SettingError(
            "stem and backing would not add up to the mix in such a format; use FLOAT or PCM_24"
        )


def _found(
    inputs: Sequence[str], out: str, settings: Settings, command: Command
) -> Iterator[tuple[Job, bool]]:
    """Every job, and whether it was found by searching a folder."""
    base = _base([text for text in inputs if not _is_list(text)])
    for text in inputs:
        if _is_list(text):
            yield from ((job, False) for job in _listed(absolute(text), settings, command))
        elif _is_folder(text) and (files := list(_searched(text, out))):
            for file, refusal in files:
                job = _job(file, relative(file, base), settings, command)
                yield replace(job, refusal=refusal), True
        elif not _is_folder(text) or _extension(text) in LOSSLESS + LOSSY:
            yield _job(text, relative(text, base), settings, command), False


def _is_list(text: str) -> bool:
    return _extension(text) in LISTS and (is_remote(text) or Path(text).is_file())


def _is_folder(text: str) -> bool:
    if is_remote(text):  # an object store has no folders: its names say what is a file
        return _extension(text) not in LOSSLESS + LOSSY
    return Path(text).is_dir()


def _base(paths: Sequence[str]) -> str:
    """The folder that the outputs' tree mirrors: the deepest that holds everything."""
    return common([absolute(text) if _is_folder(text) else folder_of(text) for text in paths])


def _searched(folder: str, out: str) -> Iterator[tuple[str, tuple[ErrorCode, str] | None]]:
    """Audio files below a folder, and what cannot be looked into; the output folder is left out."""
    if not is_remote(folder):
        yield from ((str(path), refusal) for path, refusal in _walk(Path(folder), out))
        return
    for place in location(folder).walk():
        hidden = any(part.startswith(".") for part in relative(place.text, folder).split("/"))
        mine = place.text.startswith(f"{out}/")
        if not hidden and not mine and _extension(place.name) in LOSSLESS + LOSSY:
            yield place.text, None


def _walk(folder: Path, out: str) -> Iterator[tuple[Path, tuple[ErrorCode, str] | None]]:
    seen = {os.path.realpath(out)}
    closed: list[OSError] = []
    for where, folders, names in os.walk(folder, followlinks=True, onerror=closed.append):
        here = os.path.realpath(where)
        if here in seen:  # the output folder, or a link that leads in a circle
            folders[:] = []
            continue
        seen.add(here)
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in [*sorted(names), *folders]:
            if not name.startswith(".") and _extension(name) in LOSSLESS + LOSSY:
                yield Path(where, name), None
    for error in closed:
        why = f"the folder cannot be looked into ({error.strerror}); change its permissions"
        yield Path(error.filename), ("no_permission", why)


def _extension(name: str) -> str:
    return os.path.splitext(name)[1][1:].lower()


def _job(
    path: str, way: str, settings: Settings, command: Command, output: str | None = None
) -> Job:
    name = PurePosixPath(Path(os.path.normpath(output) if output else way))
    if not name.name:
        raise SettingError(f"the output {output!r} of {path} is no file name")
    if output is not None and settings.format is None:
        settings = replace(settings, format=_format_of_output(output))
    track = str(name.with_name(_output_name(name.name, settings, command)))
    return Job(track=track, path=absolute(path), settings=settings)


def _format_of_output(output: str) -> str | None:
    """What a list's `output` asks for by its extension; None if it is none that we know."""
    extension = _extension(output)
    return {"aif": "aiff", "aifc": "aiff", "wave": "wav", "oga": "ogg"}.get(
        extension, extension if extension in WRITTEN else None
    )


def _output_name(name: str, settings: Settings, command: Command, whole: bool = False) -> str:
    """The result's name. `whole` keeps the input's extension inside it, against collisions."""
    root, dot = os.path.splitext(name)
    extension = "flac" if dot[1:].lower() in LOSSY else dot[1:]
    if command == "separate":
        extension = "wav"
    if settings.format is not None and not _is_written_as(dot[1:], settings.format, command):
        extension = settings.format.lower()
    kept = name if whole else root
    part = ".guitar" if command == "separate" else ""
    return f"{kept}{part}.{extension}" if extension else f"{kept}{part}"


def _is_written_as(extension: str, file_format: str, command: Command) -> bool:
    """Whether a name may keep its extension (``.aif`` for aiff)."""
    same = _format_of_output(f"x.{extension}") == file_format.lower()
    return same and command == "morph"


def _listed(path: str, settings: Settings, command: Command) -> Iterator[Job]:
    rows = []
    for number, row in enumerate(read_list(path), start=1):
        given = {k: str(v) for k, v in row.items() if v is not None and str(v).strip() != ""}
        if not given.get("path"):
            raise SettingError(
                f"{path}: row {number} has no path; a list needs a column path, and commas"
            )
        if "\0" in "".join(given.values()):
            raise SettingError(f"{path}: row {number} holds a NUL character; save it as UTF-8")
        where = absolute(beside(folder_of(path), given.pop("path")))
        rows.append((where, given.pop("output", None), given))
    base = common([folder_of(where) for where, _, _ in rows])
    for where, output, given in rows:
        yield _job(where, relative(where, base), _with_row(path, settings, given), command, output)


def _with_row(path: str, settings: Settings, given: dict[str, str]) -> Settings:
    if "transition" in given:
        from morphsep.tones import get_transition

        given["from"], given["to"] = get_transition(given.pop("transition"))
    unknown = set(given) - set(LIST_COLUMNS)
    if unknown:
        known = ", ".join(["path", "output", "transition", *LIST_COLUMNS])
        raise SettingError(f"{path}: unknown column {sorted(unknown)[0]!r}; there are: {known}")
    changes: dict[str, Any] = {
        LIST_COLUMNS[name]: _beside_list(path, name, value) for name, value in given.items()
    }
    return replace(settings, **changes)


def _beside_list(path: str, name: str, value: str) -> str:
    """Files that a list names are looked up beside the list."""
    is_file = (
        (name == "stem" and "{" not in value)
        or (name in ("to", "from") and Path(value).suffix != "")
        or (name == "amount" and value.lower().endswith(".csv"))
    )
    return beside(folder_of(path), value) if is_file else value


def _own_stems(jobs: Iterable[Job]) -> set[str]:
    """Files that are the user's stem of another input: material, not inputs."""
    stems = set()
    for job in jobs:
        if job.settings.stem:
            from morphsep.separators.own_stem import resolve_stem

            stems.add(identity(resolve_stem(job.settings.stem, job.path)))
    return stems


def _without_collisions(jobs: Sequence[Job], command: Command) -> list[Job]:
    """No two jobs write one file: a second file gets its own extension into its name, a second
    job on one file a number; the same job twice is skipped."""
    kept: dict[str, Job] = {}
    for job in sorted(jobs, key=_is_converted):
        twin = kept.get(job.track)
        if twin is not None and not _same_file(job, twin):
            name = _output_name(Path(job.path).name, job.settings, command, whole=True)
            job = replace(job, track=str(PurePosixPath(job.track).with_name(name)))
            twin = kept.get(job.track)
        if twin is not None:
            job = _again(job, twin, kept)
        kept[job.track] = job
    return [kept[track] for track in sorted(kept)]


def _is_converted(job: Job) -> bool:
    """Files that keep their name come first, so that theirs is not taken."""
    return Path(job.track).name != Path(job.path).name


def _same_file(a: Job, b: Job) -> bool:
    return identity(a.path) == identity(b.path)


def _again(job: Job, twin: Job, kept: Mapping[str, Job]) -> Job:
    name = PurePosixPath(job.track)
    numbered = (str(name.with_name(f"{name.stem} ({n}){name.suffix}")) for n in count(2))
    track = next(track for track in numbered if track not in kept)
    if not (_same_file(job, twin) and job.settings == twin.settings):
        return replace(job, track=track)
    why = f"the same as {twin.track}, which this run makes already; name it once"
    return replace(job, track=track, refusal=("duplicate", why), refused_as="skipped")
