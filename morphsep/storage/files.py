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
from typing import Any

from morphsep.storage import interrupt

TEMPORARY = ".morphsep-*.part"
"""Names of files being written. A run removes those that a killed one left."""


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
    """Removes the folders in `folder` that were begun longest ago, until what is left takes no more
    than `most_bytes`; none that is younger than `idle_seconds`, since it may be in use."""
    ages = sorted((path.stat().st_mtime, path) for path in folder.glob("*") if path.is_dir())
    sizes = {
        path: sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) for _, path in ages
    }
    total = sum(sizes.values())
    for begun, path in ages:
        if total <= most_bytes or begun > time.time() - idle_seconds:
            return
        shutil.rmtree(path, ignore_errors=True)
        total -= sizes[path]


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
        return hashlib.file_digest(file, "sha256").hexdigest() if _HAS else _by_blocks(file)


_HAS = hasattr(hashlib, "file_digest")  # Python 3.11


def _by_blocks(file: Any) -> str:
    state = hashlib.sha256()
    while block := file.read(1 << 20):
        state.update(block)
    return state.hexdigest()


def stamp(path: str | Path) -> str:
    """Changes whenever the file at `path` is written to: its size and time, as a text."""
    status = os.stat(path)
    return f"{status.st_size}-{status.st_mtime_ns}"


def is_full(error: BaseException) -> bool:
    """Whether an exception says that a disk (or a quota) is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
