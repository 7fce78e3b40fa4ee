"""Checks of names: jobs that cannot be done, and outputs that must not be written."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from morphsep.errors import SettingError
from morphsep.request.job import Job, Refusal
from morphsep.storage import Identities, absolute, folder_of, identity, is_remote

LONGEST_NAME = 255
OWN = ".morphsep"
"""How the names of the workspace and of half-written files begin."""
OWN_TABLES = tuple(("manifest", table) for table in ("tracks", "chunks", "steps"))


def check_out(inputs: Iterable[str], out: str) -> None:
    """
    Raises:
        SettingError: `out` is no folder, or one of the inputs itself.
    """
    if not is_remote(out):
        for place in (Path(out), *Path(out).parents):
            if place.exists() and not place.is_dir():
                raise SettingError(f"-o needs a folder, and {place} is a file; choose another name")
    for text in inputs:
        if identity(absolute(text)) == identity(out):
            raise SettingError(
                f"{text} is the input and the output; choose another folder for the results with -o"
            )


def check_apart(inputs: Iterable[str], jobs: Iterable[Job], out: str) -> None:
    """
    Raises:
        SettingError: `out` lies in a folder of inputs.
    """
    folders = {folder_of(job.path) for job in jobs}
    folders |= {absolute(text) for text in inputs if not is_remote(text) and os.path.isdir(text)}
    here = identity(absolute(out))
    for folder in sorted(folders):
        if _is_below(here, identity(folder)):
            raise SettingError(
                f"{out} lies in {folder}, which holds masters; name a folder elsewhere with -o, "
                "or say --inside"
            )


def refuse(job: Job, here: str, identity: Identities) -> Job:
    """The job with its refusal, if its name alone says that it cannot be done.

    Args:
        here: the identity of the output folder.

    Raises:
        SettingError: its result would be written outside that, or among morphsep's own files.
    """
    _check_stays_below(job, here, identity)
    refusal: Refusal | None = job.refusal
    if _is_below(identity(job.path), here):
        why = "the input lies inside the output folder; choose an output folder elsewhere"
        refusal = refusal or ("inside_output", why)
    longest = max(len(os.fsencode(part)) for part in job.track.split("/"))
    if longest > LONGEST_NAME:
        why = f"the result's name would be longer than {LONGEST_NAME} bytes; shorten the input's"
        refusal = refusal or ("bad_name", why)
    try:
        f"{job.path}{job.track}".encode()
    except UnicodeEncodeError:
        why = "the name is not valid UTF-8, so the manifest cannot hold it; rename the file"
        refusal = refusal or ("bad_name", why)
        job = replace(job, path=_printable(job.path), track=_printable(job.track))
    return job if refusal == job.refusal else replace(job, refusal=refusal)


def _check_stays_below(job: Job, out: str, identity: Identities) -> None:
    parts = PurePosixPath(job.track).parts
    if not parts:
        raise SettingError(f"the output {job.track!r} of {job.path} is not a file name")
    # with links followed: a folder in `out` may be one, and lead elsewhere
    folder = identity.of_folder(os.path.dirname(os.path.join(out, job.track)))
    if ".." in parts or os.path.isabs(job.track) or not _is_below(folder, out):
        raise SettingError(
            f"the output {job.track!r} of {job.path} would leave the output folder; choose another "
            "name, and look for symbolic links in the output folder"
        )
    if any(part.startswith(OWN) for part in parts) or parts[:2] in OWN_TABLES:
        raise SettingError(
            f"the output {job.track!r} of {job.path} lies where morphsep keeps its own files; "
            "choose another name"
        )


def _is_below(path: str, out: str) -> bool:
    return path == out or path.startswith(out.rstrip(os.sep) + os.sep)


def _printable(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace")
