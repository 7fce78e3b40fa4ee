"""Local copies of weights and other files in an object store, made once on each machine."""

from __future__ import annotations

from pathlib import Path

from morphsep.errors import NotHereError, SettingError
from morphsep.storage import Location, digest, location, only_one, relative


def local_copy(uri: str, cache: Path, offline: bool) -> Path:
    """A local folder (or file) with the content of a remote one.

    A copy is named after the version that it holds: when the files in the store change, a new copy
    is made.

    Args:
        cache: folder for the copies.
        offline: take the newest copy on this machine, open no socket.

    Raises:
        SettingError: nothing lies there, or offline is set and there is no copy.
    """
    place = location(uri)
    home = cache / "remote" / digest(place)[:16]
    if offline:
        copies = sorted(home.glob("*/*"), key=lambda path: path.stat().st_mtime_ns)
        if not copies:
            raise NotHereError(f"no copy of {uri} is on this machine, and offline is set")
        return copies[-1]
    stamp = place.stamp()
    files = [place] if stamp is not None else place.walk()
    if not files:
        raise SettingError(f"there is nothing at {uri}; name a file or a folder")
    target = home / digest(*((file, file.stamp()) for file in files))[:16] / place.name
    with only_one(target):
        if not target.exists():
            _fetch(files, target, "" if stamp is not None else place.text)
    return target


def _fetch(files: list[Location], target: Path, folder: str) -> None:
    if not folder:
        files[0].fetch(target)
        return
    part = target.with_name(f".{target.name}.part")
    for file in files:
        file.fetch(part / relative(file.text, folder))
    part.rename(target)
