"""Folders on this machine for copies: private to this user, and gone when nobody uses them.

Their names cannot be guessed. Every process that uses one holds a lock in it for as long as it
lives, and the kernel drops that lock however the process ends. Whoever gets the lock for itself
knows that no owner is left, and removes the folder: the last one to leave, or, where all of them
were killed, the next process that needs such a folder.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import IO

from morphsep.errors import SettingError

PREFIX = "morphsep-"
OWNERS = ".owners"
"""The file in such a folder that its owners lock."""

_shared: dict[Path, IO[bytes]] = {}
"""The locks that this process holds until it leaves a shared folder."""


@contextlib.contextmanager
def private_folder(parent: Path | None = None) -> Iterator[Path]:
    """A new folder of this process alone; removed in the end.

    Args:
        parent: where it is made; None: the system's temporary folder.
    """
    parent = parent or Path(tempfile.gettempdir())
    parent.mkdir(parents=True, exist_ok=True)
    _sweep_once(parent)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        if (owners := _joined(folder)) is not None:
            break
    with owners:
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def shared_folder(token: str) -> Path:
    """A folder for all processes of this machine that know the token, such as one run's workers.

    Args:
        token: nobody else may be able to guess it.

    Raises:
        SettingError: another user has made a folder of this name.
    """
    parent = Path(tempfile.gettempdir())
    folder = parent / f"{PREFIX}{token}"
    if folder not in _shared:
        _sweep_once(parent)
        while (owners := _joined(folder)) is None:
            continue
        _shared[folder] = owners
        atexit.register(leave_folder, token)
    return folder


def leave_folder(token: str) -> None:
    """Lets go of a shared folder; the last one to do so removes it."""
    for folder in [folder for folder in _shared if folder.name == f"{PREFIX}{token}"]:
        with _shared.pop(folder) as owners:
            _remove_if_last(folder, owners)


def sweep_folders(parent: Path | None = None) -> None:
    """Removes the folders whose owners are all dead."""
    for file in (parent or Path(tempfile.gettempdir())).glob(f"{PREFIX}*/{OWNERS}"):
        # another user's, or gone by now
        with contextlib.suppress(OSError), file.open("rb") as owners:
            _remove_if_last(file.parent, owners)


_sweep_once = cache(sweep_folders)


def _joined(folder: Path) -> IO[bytes] | None:
    """The lock that keeps a folder from being swept; None if it was swept just now: try again."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise SettingError(f"{folder} is another user's; remove it, or set TMPDIR")
    with contextlib.ExitStack() as stack, contextlib.suppress(FileNotFoundError):
        owners = stack.enter_context((folder / OWNERS).open("ab"))
        fcntl.flock(owners, fcntl.LOCK_SH)
        if os.path.samestat(os.fstat(owners.fileno()), (folder / OWNERS).stat()):
            stack.pop_all()
            return owners
    return None


def _remove_if_last(folder: Path, owners: IO[bytes]) -> None:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(owners, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
