"""Storage by URI: local folders and object stores behind one small value, `Location`.

    out = location("s3://bucket/results")        # or a path, file:///..., gs://...
    with (out / "a.flac").writing() as path: ... # a local path; published whole at the end
    with (out / "a.flac").reading() as path: ... # the file itself, or a downloaded copy
    with lock(out): ...                          # nobody else writes below

What fails for a while is tried again (`storage.faults`); `retries()` says how often. Local
locations load no library for object stores.
"""

from __future__ import annotations

import json
import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote

from morphsep.errors import SettingError
from morphsep.storage import local, object_store, packed
from morphsep.storage.files import TEMPORARY
from morphsep.storage.store import Store

SCHEMES = ("s3", "gs")


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
    if packed.is_packed(text):
        return Location(text)
    bucket, _, key = rest.partition("/")
    if scheme not in SCHEMES or not bucket:
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

    @property
    def store(self) -> Store:
        """The kind of storage that it is in."""
        if packed.is_packed(self.text):
            return packed
        return local if self.is_local else object_store

    def exists(self) -> bool:
        """Whether the file is there. A folder exists on a local disk only."""
        return self.store.exists(self.text)

    def size(self) -> int:
        """Bytes of the file.

        Raises:
            FileNotFoundError: it is not there.
        """
        return self.store.size(self.text)

    def stamp(self) -> str | None:
        """Changes whenever the file is written to: its size and time; None if it is not there."""
        return self.store.stamp(self.text)

    def full_stamp(self) -> str | None:
        """See `morphsep.storage.full_stamps`.

        Raises:
            RefusedError: an object store does not let us look.
        """
        found = self.store.full_stamps([self.text])[0]
        return self.stamp() if found is None and not self.is_local else found

    def read_bytes(self) -> bytes:
        """The whole file.

        Raises:
            FileNotFoundError: it is not there.
        """
        return self.store.read(self.text)

    def write_bytes(self, data: bytes) -> None:
        """Writes the file, whole or not at all; folders around it are made."""
        self.store.write(self.text, data)

    def read_json(self) -> Any | None:
        """What `write_json` wrote, or None if it is not there.

        Raises:
            ValueError: it is damaged.
        """
        try:
            return json.loads(self.read_bytes())
        except FileNotFoundError:
            return None

    def write_json(self, value: Any) -> None:
        """Writes `value` as JSON, whole or not at all."""
        self.write_bytes(to_json(value))

    def create_json(self, value: Any) -> bool:
        """Writes `value` as JSON unless the file is there already.

        Returns:
            Whether the file holds `value`. Of several who come with different values, however
            close together, exactly one gets True.
        """
        return self.store.create(self.text, to_json(value))

    def children(self, suffix: str = "") -> list[Location]:
        """The files directly below, sorted by name, without half-written ones; none if there is
        no such folder."""
        found = sorted(name for name in self.store.files_in(self.text) if name.endswith(suffix))
        return [Location(name) for name in found if not fnmatch(os.path.basename(name), TEMPORARY)]

    def walk(self) -> list[Location]:
        """All files below, however deep, half-written ones included, sorted."""
        return [Location(name) for name in sorted(self.store.files_below(self.text))]

    def remove(self) -> None:
        """Removes the file; fine if it is not there."""
        self.store.remove(self.text)

    def remove_tree(self) -> None:
        """Removes the folder and all below; fine if it is not there, or if others remove it, too.
        What others write to it meanwhile may stay."""
        self.store.remove_tree(self.text)

    def open(self) -> BinaryIO:
        """A seekable binary file for reading; remotely only what is read is fetched.

        Use it in a `with`: a fault that C code swallowed (soundfile's callbacks) is raised when
        the file is closed, so that a cut is not taken for the end.

        Raises:
            FileNotFoundError: it is not there.
        """
        return self.store.open(self.text)

    def open_header(self) -> BinaryIO:
        """Like `open`, in small blocks: for headers.

        Raises:
            FileNotFoundError: it is not there.
        """
        return self.store.open_header(self.text)

    def reading(self) -> AbstractContextManager[Path]:
        """A local path with the file's content: the file itself, or a copy for as long as this
        lasts. Do not write to it."""
        return self.store.reading(self.text)

    def writing(self) -> AbstractContextManager[Path]:
        """A local path to write to; what is there at the end becomes the file, whole. After an
        exception everything is as it was."""
        return self.store.writing(self.text)

    def fetch(self, to: Path) -> None:
        """Copies the file to a local path, whole or not at all.

        Raises:
            FileNotFoundError: it is not there.
        """
        self.store.fetch(self.text, to)


def to_json(value: Any) -> bytes:
    """How values are kept in files."""
    return json.dumps(value, indent=1, allow_nan=True).encode("utf-8")
