"""What `Location` asks of a kind of storage; the modules `local` and `object_store` answer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol


class Store(Protocol):
    """Files by name: an absolute path, or a URI. What each function does: see `Location`."""

    def exists(self, name: str) -> bool: ...

    def size(self, name: str) -> int: ...

    def stamp(self, name: str) -> str | None: ...

    def full_stamps(self, names: Sequence[str]) -> list[str | None]:
        """The names may be in several buckets."""

    def read(self, name: str) -> bytes: ...

    def write(self, name: str, data: bytes) -> None: ...

    def create(self, name: str, data: bytes) -> bool: ...

    def files_in(self, folder: str) -> list[str]:
        """Names of the files directly in a folder, in no order; none if there is no folder."""

    def files_below(self, folder: str) -> list[str]:
        """Names of all files below a folder, in no order; none if there is no folder."""

    def remove(self, name: str) -> None: ...

    def remove_all(self, names: Sequence[str]) -> None:
        """The names may be in several buckets."""

    def remove_tree(self, folder: str) -> None: ...

    def open(self, name: str) -> BinaryIO: ...

    def open_header(self, name: str) -> BinaryIO: ...

    def reading(self, name: str) -> AbstractContextManager[Path]: ...

    def writing(self, name: str) -> AbstractContextManager[Path]: ...

    def fetch(self, name: str, to: Path) -> None: ...
