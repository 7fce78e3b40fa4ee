"""Audio files below a folder, on this machine or in an object store."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from morphsep.request.extensions import is_audio, is_unread_kind
from morphsep.request.job import Refusal
from morphsep.request.unread import Unread
from morphsep.storage import is_remote, location, relative


def is_folder(text: str) -> bool:
    """Whether a user's text names a folder to search."""
    if is_remote(text):  # an object store has no folders: its names say what is a file
        return not is_audio(text)
    return Path(text).is_dir()


def search(folder: str, out: str, unread: Unread) -> Iterator[tuple[str, Refusal | None]]:
    """(path, refusal) of the audio files below a folder, and of folders that cannot be read.

    Hidden files and folders are left out, and so is the output folder `out`. Links are followed.

    Args:
        unread: takes the files that are passed over though they are of a kind of sound.
    """
    if is_remote(folder):
        yield from ((path, None) for path in _in_store(folder, out, unread))
    else:
        yield from _on_disk(folder, out, unread)


def _in_store(folder: str, out: str, unread: Unread) -> Iterator[str]:
    for found in location(folder).walk():
        is_hidden = any(part.startswith(".") for part in relative(found.text, folder).split("/"))
        if is_hidden or found.text.startswith(f"{out}/"):
            continue
        if is_audio(found.name):
            yield found.text
        elif is_unread_kind(found.name):
            unread.add(found.name)


def _on_disk(folder: str, out: str, unread: Unread) -> Iterator[tuple[str, Refusal | None]]:
    seen = {os.path.realpath(out)}
    errors: list[OSError] = []
    for where, folders, names in os.walk(folder, followlinks=True, onerror=errors.append):
        real = os.path.realpath(where)
        if real in seen:  # the output folder, or a link that leads in a circle
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        # a folder called x.wav is reported, too: as an input that cannot be read
        for name in [*sorted(names), *folders]:
            if name.startswith("."):
                continue
            if is_audio(name):
                yield os.path.join(where, name), None
            elif is_unread_kind(name) and name not in folders:
                unread.add(name)
    for error in errors:
        why = f"the folder cannot be looked into ({error.strerror}); change its permissions"
        yield os.fspath(error.filename), ("no_permission", why)
