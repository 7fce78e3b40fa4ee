"""Files on this machine and on what it has mounted."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, TypeVar

from morphsep.storage import files
from morphsep.storage.faults import StorageError, patiently

T = TypeVar("T")
REMOVALS = 5
"""Times that a folder is removed in which others write or remove files meanwhile."""


def _try(doing: str, name: str, operation: Callable[[], T]) -> T:
    return patiently(f"{doing} {name}", operation)


def exists(name: str) -> bool:
    return _try("looking at", name, Path(name).exists)


def size(name: str) -> int:
    return _try("looking at", name, Path(name).stat).st_size


def stamp(name: str) -> str | None:
    with contextlib.suppress(FileNotFoundError):
        return _try("looking at", name, lambda: files.stamp(name))
    return None


def full_stamps(names: Sequence[str]) -> list[str | None]:
    return [_full_stamp(name) for name in names]


def _full_stamp(name: str) -> str | None:
    try:
        return _try("looking at", name, lambda: files.full_stamp(name))
    except StorageError:
        raise
    except OSError:  # whoever opens it will say what is wrong
        return None


def read(name: str) -> bytes:
    return _try("reading", name, Path(name).read_bytes)


def write(name: str, data: bytes) -> None:
    def attempt() -> None:
        with files.whole(Path(name)) as part:
            part.write_bytes(data)

    _try("writing", name, attempt)


def create(name: str, data: bytes) -> bool:
    with files.only_one(Path(name)):
        if exists(name):
            return read(name) == data
        write(name, data)
        return True


def files_in(folder: str) -> list[str]:
    def attempt() -> list[str]:
        try:
            with os.scandir(folder) as entries:
                return [os.path.join(folder, entry.name) for entry in entries if entry.is_file()]
        except (FileNotFoundError, NotADirectoryError):
            return []

    return _try("listing", folder, attempt)


def files_below(folder: str) -> list[str]:
    def attempt() -> list[str]:
        return [os.path.join(root, name) for root, _, names in os.walk(folder) for name in names]

    return _try("listing", folder, attempt)


def remove(name: str) -> None:
    _try("removing", name, lambda: Path(name).unlink(missing_ok=True))


def remove_all(names: Sequence[str]) -> None:
    for name in names:
        remove(name)


def remove_tree(folder: str) -> None:
    def attempt() -> None:
        for _ in range(REMOVALS):
            if not os.path.exists(folder):
                break
            try:
                shutil.rmtree(folder)
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno != errno.ENOTEMPTY:
                    raise

    _try("removing", folder, attempt)


def open(name: str) -> BinaryIO:
    return _try("opening", name, lambda: Path(name).open("rb"))


open_header = open


@contextlib.contextmanager
def reading(name: str) -> Iterator[Path]:
    yield Path(name)


@contextlib.contextmanager
def writing(name: str) -> Iterator[Path]:
    with files.whole(Path(name)) as part:
        yield part


def fetch(name: str, to: Path) -> None:
    def attempt() -> None:
        with files.whole(to) as part:
            shutil.copyfile(name, part)

    _try("reading", name, attempt)
