"""A remote folder whose files are copied to this machine once: when they are read, or written."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from morphsep.storage.faults import StorageError
from morphsep.storage.files import has_plenty, only_one, temporary_beside
from morphsep.storage.locations import Location


def mirrored(folder: Location, copies: Path) -> Location:
    """The folder with copies of its files in a folder of this machine, as long as its disk has
    plenty of room; a local one as it is.

    Only for files that never change: those that are there hold what their names say. What others
    remove may still be read here.

    Args:
        copies: may be used by several processes; whoever is done removes it.
    """
    return folder if folder.is_local else Mirrored(folder.text, str(copies))


@dataclass(frozen=True, slots=True)
class Mirrored(Location):
    """A place below such a folder. What it does not define is asked of the store."""

    copies: str
    """Path of the copy, of a file as of a folder."""

    def __truediv__(self, below: str) -> Location:
        place = Location.__truediv__(self, below)
        return Mirrored(place.text, os.path.join(self.copies, below))

    def exists(self) -> bool:
        return os.path.exists(self.copies) or Location.exists(self)

    def children(self, suffix: str = "") -> list[Location]:
        return [self / place.name for place in Location.children(self, suffix)]

    def read_bytes(self) -> bytes:
        with contextlib.suppress(OSError):
            return Path(self.copies).read_bytes()
        data = Location.read_bytes(self)
        self._keep(lambda part: part.write_bytes(data))
        return data

    def write_bytes(self, data: bytes) -> None:
        Location.write_bytes(self, data)
        self._keep(lambda part: part.write_bytes(data))

    def open(self) -> BinaryIO:
        copy = Path(self.copies)
        try:
            if copy.exists() or has_plenty(copy):
                with only_one(copy):
                    if not copy.exists():
                        self.fetch(copy)
                return copy.open("rb")
        except StorageError:
            raise
        except OSError:
            pass  # no room for a copy, or another worker has removed it: the store says what is so
        return Location.open(self)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Path]:
        kept = temporary_beside(self.copies)
        try:
            with Location.writing(self) as path:
                yield path
                with contextlib.suppress(OSError):
                    if has_plenty(kept):
                        kept.parent.mkdir(parents=True, exist_ok=True)
                        _same(path, kept)
            # only what the store has, too, may be taken for it
            self._keep(kept.replace)
        finally:
            with contextlib.suppress(OSError):
                kept.unlink()

    def remove(self) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self.copies)
        Location.remove(self)

    def remove_tree(self) -> None:
        shutil.rmtree(self.copies, ignore_errors=True)
        Location.remove_tree(self)

    def _keep(self, write: Callable[[Path], object]) -> None:
        """Has the copy written. A machine that has not plenty of room does without."""
        copy = Path(self.copies)
        part = temporary_beside(copy)
        with contextlib.suppress(OSError):
            if not has_plenty(copy):
                return
            copy.parent.mkdir(parents=True, exist_ok=True)
            try:
                write(part)
                part.replace(copy)
            finally:
                part.unlink(missing_ok=True)


def _same(path: Path, kept: Path) -> None:
    """The same bytes under a second name, whichever disk that is on."""
    try:
        os.link(path, kept)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copyfile(path, kept)
