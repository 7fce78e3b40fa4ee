"""Files that are either whole or not there, and digests of what is in them."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from morphsep.storage import interrupt

TEMPORARY = ".morphsep-*.part"
"""Names of files being written. A run removes those that a killed one left."""
PLENTY_BYTES, PLENTY_SHARE = 4 << 30, 0.05
"""What a disk keeps free of copies that only save time: a decoded hour of stereo, and its result,
for each of a few workers, and a part of the disk for whoever else uses it."""


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path to write to, beside `path`; renamed to it at the end, removed on an exception.

    Raises:
        OSError: the disk is full, say.
        KeyboardInterrupt: see `morphsep.storage.interrupt`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = temporary_beside(path)
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        interrupt.check_interrupt()
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Keeps other processes of this machine from making the file at `path` at the same time."""
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.parent / ".lock"):
        yield


def make_room(folder: Path, most_bytes: int = 20 << 30, idle_seconds: float = 3600.0) -> None:
    """Removes the oldest folders in `folder` until the rest takes at most `most_bytes`.

    Folders younger than `idle_seconds` may be in use and are kept. Others may remove them, too.
    """
    folders = sorted((begun, path) for path in _folders_in(folder) if (begun := _begun(path)))
    sizes = {path: _size(path) for _, path in folders}
    total = sum(sizes.values())
    for begun, path in folders:
        if total <= most_bytes or begun > time.time() - idle_seconds:
            return
        shutil.rmtree(path, ignore_errors=True)
        total -= sizes[path]


def has_plenty(place: Path) -> bool:
    """Whether the disk on which `place` lies, or is to lie, has room for what nobody needs.

    Raises:
        OSError: the disk cannot be looked at.
    """
    there = next(path for path in (place, *place.parents) if path.exists())
    usage = shutil.disk_usage(there)
    return usage.free > max(PLENTY_BYTES, PLENTY_SHARE * usage.total)


def _folders_in(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except FileNotFoundError:
        return []


def _begun(path: Path) -> float:
    """When a folder was last changed, in seconds; 0 if somebody has removed it."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size(folder: Path) -> int:
    """Bytes of all files in a folder, without those that somebody removes meanwhile."""
    total = 0
    for root, _, names in os.walk(folder):  # Path.rglob fails if a folder goes away under it
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.stat(os.path.join(root, name)).st_size
    return total


def temporary_beside(path: str | Path) -> Path:
    """A hidden name in the folder of `path`, short however long the name of `path` is."""
    return Path(path).parent / TEMPORARY.replace("*", secrets.token_hex(8))


def digest(*parts: object) -> str:
    """sha256 (hex) of the parts' texts, kept apart from one another."""
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def digest_file(path: str | Path) -> str:
    """sha256 (hex) of a file's bytes."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stamp(path: str | Path) -> str:
    """Changes whenever the file at `path` is written to: its size and time, as a text."""
    status = os.stat(path)
    return f"{status.st_size}-{status.st_mtime_ns}"


def full_stamp(path: str | Path) -> str:
    """Like `stamp`, and changes as well when the time of the file at `path` is set back: a system
    notes by itself when anything about a file was changed last.

    What is written twice within a tick of the file system's clock (some ms on most, 2 s on FAT),
    and is as long as before, keeps its stamp.
    """
    status = os.stat(path)
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}"


def is_full(error: BaseException) -> bool:
    """Whether an exception says that a disk (or a quota) is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
