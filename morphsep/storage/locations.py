"""Storage by URI: local folders and object stores behind one small value, `Location`.

    out = location("s3://bucket/results")        # or a path, file:///..., gs://...
    with (out / "a.flac").writing() as path: ... # a local path; published whole at the end
    with (out / "a.flac").reading() as path: ... # the file itself, or a downloaded copy
    with lock(out): ...                          # nobody else writes below

What fails for a while is tried again (`storage_faults`); `retries()` says how often. Local
locations load no pyarrow.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast
from urllib.parse import unquote

from morphsep.errors import SettingError
from morphsep.storage import object_store as remote
from morphsep.storage import ranges
from morphsep.storage.faults import StorageError, is_transient, patiently, retries
from morphsep.storage.files import TEMPORARY, stamp, whole
from morphsep.storage.locking import lock
from morphsep.storage.scratch import private_folder

__all__ = ["Location", "StorageError", "is_transient", "location", "lock", "retries"]

T = TypeVar("T")
REWRITTEN = 4
"""Times that JSON in an object store is read again: an object that somebody writes anew between the
two requests of a reading (its size, its bytes) comes out cut."""


def location(text: str | os.PathLike[str] | Location) -> Location:
    """A place from what a user writes: a path, ``file:///...``, ``s3://bucket/key``, ``gs://``.

    Raises:
        SettingError: another scheme, or no bucket.
    """
    if isinstance(text, Location):
        return text
    text = os.fspath(text)
    scheme, separator, rest = text.partition("://")
    if not separator or "/" in scheme:
        return Location(os.path.abspath(text))
    if scheme == "file":
        return Location(os.path.abspath(unquote(rest.removeprefix("localhost"))))
    bucket, _, key = rest.partition("/")
    if scheme not in remote.SCHEMES or not bucket:
        raise SettingError(f"{text}: name a path, file:///PATH, s3://BUCKET/KEY or gs://BUCKET/KEY")
    return Location("/".join([f"{scheme}://{bucket}", *filter(None, key.split("/"))]))


@dataclass(frozen=True, slots=True)
class Location:
    """A file or folder, here or in an object store. Made by `location`; holds text only.

    All methods raise `StorageError` if the storage stays away, and `SettingError` if an object
    store refuses; local errors that trying again cannot mend stay the OSErrors they are.
    """

    text: str
    """The URI, or the absolute path."""

    def __str__(self) -> str:
        return self.text

    def __truediv__(self, below: str) -> Location:
        """What lies below; never anything else.

        Raises:
            SettingError: an absolute path, or one that leads out through "..".
        """
        parts = [part for part in below.split("/") if part not in ("", ".")]
        if below.startswith("/") or ".." in parts:
            raise SettingError(f"{below!r} does not lie below {self}")
        return Location("/".join([self.text.rstrip("/"), *parts]) or "/")

    @property
    def name(self) -> str:
        """The last part."""
        return self.text.rpartition("/")[2]

    @property
    def parent(self) -> Location:
        """The folder around it; a bucket's is the bucket itself."""
        if self.is_local:
            return Location(str(self.path.parent))
        head = self.text.rpartition("/")[0]
        return self if head.endswith(":/") else Location(head)

    @property
    def is_local(self) -> bool:
        """Whether `path` can be asked for."""
        return "://" not in self.text

    @property
    def path(self) -> Path:
        """The local path; of a remote location there is none."""
        assert self.is_local, f"{self} is not local"
        return Path(self.text)

    def exists(self) -> bool:
        """Whether a file (or a folder) is there."""
        if self.is_local:
            return self._try("looking at", self.path.exists)
        return remote.size(self.text) is not None

    def size(self) -> int:
        """Bytes of the file.

        Raises:
            FileNotFoundError: it is not there.
        """
        if self.is_local:
            return int(self._try("looking at", self.path.stat).st_size)
        found = remote.size(self.text)
        if found is None or found < 0:
            raise FileNotFoundError(2, "no such file", self.text)
        return found

    def stamp(self) -> str | None:
        """Changes whenever the file is written to: its size and time; None if it is not there."""
        if not self.is_local:
            return remote.stamp(self.text)
        with contextlib.suppress(FileNotFoundError):
            return self._try("looking at", lambda: stamp(self.path))
        return None

    def read_bytes(self) -> bytes:
        """The whole file.

        Raises:
            FileNotFoundError: it is not there.
        """
        if self.is_local:
            return self._try("reading", self.path.read_bytes)
        return ranges.read(self.text)

    def write_bytes(self, data: bytes) -> None:
        """Writes the file, whole or not at all; folders around it are made."""
        if not self.is_local:
            return remote.write(self.text, data)

        def attempt() -> None:
            with whole(self.path) as part:
                part.write_bytes(data)

        return self._try("writing", attempt)

    def read_json(self) -> Any | None:
        """What `write_json` wrote, or None if it is not there.

        Raises:
            ValueError: it is damaged.
        """
        for left in range(0 if self.is_local else REWRITTEN, -1, -1):
            try:
                return json.loads(self.read_bytes())
            except FileNotFoundError:
                return None
            except ValueError:
                if not left:
                    raise
        raise AssertionError

    def write_json(self, value: Any) -> None:
        """Writes `value` as JSON, whole or not at all."""
        self.write_bytes(json.dumps(value, indent=1, allow_nan=True).encode("utf-8"))

    def children(self, suffix: str = "") -> list[Location]:
        """The files directly below, in order of their names, without those half written; none
        if there is no such folder."""
        if self.is_local:
            names = self._try("listing", lambda: _files_in(self.text))
            found = [f"{self.text.rstrip('/')}/{name}" for name in names]
        else:
            found = remote.listed(self.text, recursive=False)
        wanted = (Location(text) for text in sorted(found) if text.endswith(suffix))
        return [place for place in wanted if not fnmatch(place.name, TEMPORARY)]

    def walk(self) -> list[Location]:
        """All files below, however deep, half-written ones included, in order."""
        if self.is_local:
            return self._try("listing", lambda: [Location(t) for t in sorted(_tree(self.text))])
        return [Location(text) for text in sorted(remote.listed(self.text, recursive=True))]

    def remove(self) -> None:
        """Removes the file; fine if it is not there."""
        if self.is_local:
            return self._try("removing", lambda: self.path.unlink(missing_ok=True))
        return remote.remove(self.text)

    def remove_tree(self) -> None:
        """Removes the folder and all below; fine if it is not there, or if others remove it, too.
        What others write to it meanwhile may stay."""
        if not self.is_local:
            return remote.remove_tree(self.text)

        def attempt() -> None:
            for _ in range(5):
                if not self.path.exists():
                    break
                try:
                    shutil.rmtree(self.path)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    if error.errno != errno.ENOTEMPTY:
                        raise

        return self._try("removing", attempt)

    def open(self) -> BinaryIO:
        """A seekable binary file for reading; remotely only what is read is fetched.

        Use it in a `with`: a fault that C code swallowed (soundfile's callbacks) is raised when
        the file is closed, so that a cut is not taken for the end.

        Raises:
            FileNotFoundError: it is not there.
        """
        if self.is_local:
            return self._try("opening", lambda: self.path.open("rb"))
        return ranges.opened(self.text)

    def open_header(self) -> BinaryIO:
        """As `open`, for who looks at little of it, here and there.

        Raises:
            FileNotFoundError: it is not there.
        """
        return self.open() if self.is_local else cast(BinaryIO, ranges.HeaderFile(self.text))

    @contextlib.contextmanager
    def reading(self) -> Iterator[Path]:
        """A local path with the file's content: the file itself, or a copy for as long as this
        lasts. Do not write to it."""
        if self.is_local:
            yield self.path
            return
        with _scratch(self.name) as path:
            ranges.download(self.text, path)
            yield path

    @contextlib.contextmanager
    def writing(self) -> Iterator[Path]:
        """A local path to write to; what is there at the end becomes the file, whole. After an
        exception everything is as it was."""
        if self.is_local:
            with whole(self.path) as part:
                yield part
            return
        with _scratch(self.name) as path:
            yield path
            remote.upload(self.text, path)

    def fetch(self, to: Path) -> None:
        """Copies the file to a local path, whole or not at all.

        Raises:
            FileNotFoundError: it is not there.
        """
        if not self.is_local:
            return ranges.download(self.text, to)

        def attempt() -> None:
            with whole(to) as part:
                shutil.copyfile(self.path, part)

        return self._try("reading", attempt)

    def _try(self, doing: str, operation: Callable[[], T]) -> T:
        return patiently(f"{doing} {self.text}", operation)


def _files_in(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_file()]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _tree(folder: str) -> Iterator[str]:
    for root, _, names in os.walk(folder):
        yield from (os.path.join(root, name) for name in names)


@contextlib.contextmanager
def _scratch(name: str) -> Iterator[Path]:
    """A path in a temporary folder of its own, with the name's suffix."""
    with private_folder() as folder:
        yield folder / f"file{Path(name).suffix}"
