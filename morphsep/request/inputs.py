"""From what a user names (files, folders, lists) to jobs: one for every input, none lost."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from morphsep.errors import SettingError
from morphsep.request.collisions import named_apart, renamed_before
from morphsep.request.extensions import is_audio
from morphsep.request.job import Command, Job
from morphsep.request.lists import is_list, listed_jobs
from morphsep.request.naming import new_job
from morphsep.request.refusals import check_out, refuse
from morphsep.request.searching import is_folder, search
from morphsep.request.settings import Settings
from morphsep.request.unread import Unread
from morphsep.storage import Identities, absolute, common, folder_of, is_remote, relative


def collect(
    inputs: Sequence[str],
    out: str | Path,
    settings: Settings,
    command: Command = "morph",
    unread: Unread | None = None,
) -> list[Job]:
    """Jobs of everything named, in order of their tracks.

    Args:
        inputs: files, folders (searched through, any case of extension) or lists (`LISTS`) with a
            column ``path`` and per-row settings (`LIST_COLUMNS`). Paths in a list are relative to
            the list. Everything may be a URI (file:///..., s3://...).
        unread: takes the files in folders that are of a kind of sound that is not read.

    Raises:
        SettingError: nothing found, no tone to morph to, an output folder that is none, a list that
            cannot be read or has a row that would change nothing, stems asked for in a format that
            cannot add up to the mix.
    """
    out, unread = absolute(os.fspath(out)), Unread() if unread is None else unread
    check_out(inputs, out)
    if command == "morph" and settings.changes_nothing and not all(map(is_list, inputs)):
        raise SettingError(
            "nothing would change: say which tone to morph towards, --to TONE or --transition NAME"
        )
    found = list(_found([_path(text) for text in inputs], out, settings, command, unread))
    if not found:
        where, also = ", ".join(inputs) or "(nothing given)", f" ({unread})" if unread else ""
        raise SettingError(f"no audio files found in: {where}{also}")
    identity = Identities()
    own_stems = {identity(stem) for stem in _own_stems(job for job, _ in found)}
    jobs = [
        job for job, searched in found
        if not (own_stems and searched and identity(job.path) in own_stems)
    ]  # fmt: skip
    if command == "separate":
        for job in jobs:
            _check_stems_add_up(job.settings)
    named = named_apart(jobs, command, renamed_before(out), identity)
    here = identity.of_folder(out)
    return [refuse(job, here, identity) for job in named]


def _path(text: str) -> str:
    """What a user named, as a path where it lies on this machine (``file:///...``)."""
    return absolute(text) if "://" in text and not is_remote(text) else text


def _found(
    inputs: Sequence[str], out: str, settings: Settings, command: Command, unread: Unread
) -> Iterator[tuple[Job, bool]]:
    """Every job, and whether it was found by searching a folder."""
    base = _base([text for text in inputs if not is_list(text)])
    for text in inputs:
        if is_list(text):
            yield from ((job, False) for job in listed_jobs(absolute(text), settings, command))
        elif is_folder(text) and (files := list(search(text, out, unread))):
            for file, refusal in files:
                job = new_job(file, relative(file, base), settings, command)
                yield replace(job, refusal=refusal) if refusal else job, True
        elif not is_folder(text) or is_audio(text):
            yield new_job(text, relative(text, base), settings, command), False


def _base(paths: Sequence[str]) -> str:
    """The folder that the outputs' tree mirrors: the deepest that holds everything."""
    return common([absolute(text) if is_folder(text) else folder_of(text) for text in paths])


def _own_stems(jobs: Iterable[Job]) -> set[str]:
    """Files that are the user's stem of another input: material, not inputs."""
    stems = set()
    for job in jobs:
        if job.settings.stem:
            from morphsep.separators.own_stem import resolve_stem

            stems.add(absolute(resolve_stem(job.settings.stem, job.path)))
    return stems


def _check_stems_add_up(settings: Settings) -> None:
    too_coarse = (settings.format or "").lower() == "ogg" or (settings.subtype or "").upper() in (
        "PCM_16", "PCM_U8", "PCM_S8", "VORBIS", "OPUS",
    )  # fmt: skip
    if too_coarse:
        raise SettingError(
            "stem and backing would not add up to the mix in such a format; use FLOAT or PCM_24"
        )
