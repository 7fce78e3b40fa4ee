"""Reading objects of a store: whole, by ranges, as a seekable file."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morphsep.storage.faults import patiently
from morphsep.storage.files import whole
from morphsep.storage.object_store import filesystem
from morphsep.storage.seekable import Seekable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK = 16 << 20
"""Bytes of a download that are asked for at a time."""

READ_AHEAD = 1 << 20
"""Bytes that `RangeFile` asks for at a time, at the least."""


def read(uri: str) -> bytes:
    """The whole of an object.

    Raises:
        FileNotFoundError: it is not there.
    """
    store, path = filesystem(uri)

    def attempt() -> bytes:
        with store.open_input_file(path) as file:
            return _exactly(file.read(), int(file.size()))

    return patiently(f"reading {uri}", attempt)


def _exactly(data: Any, num_bytes: int) -> bytes:
    if len(data) != num_bytes:
        raise OSError(f"got {len(data)} of {num_bytes} bytes")
    return bytes(data)


def download(uri: str, target: Path) -> None:
    """Fetches an object into a local file, whole or not at all; each block is tried by itself."""
    with Ranges(uri) as ranges, whole(target) as part, part.open("wb") as file:
        for start in range(0, ranges.size, BLOCK):
            file.write(ranges.read(start, min(BLOCK, ranges.size - start)))


HEADER_BLOCK = 1 << 16
"""Bytes that `HeaderFile` asks for at a time."""


class Ranges:
    """An object of which spans are read, each by one request.

    Raises:
        FileNotFoundError: it is not there.
    """

    def __init__(self, uri: str) -> None:
        store, path = filesystem(uri)
        self._what = f"reading {uri}"
        self._file = patiently(self._what, lambda: store.open_input_file(path))
        self.size = int(self._file.size())

    def __enter__(self) -> Ranges:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def read(self, start: int, num_bytes: int) -> bytes:
        """Bytes `start` to `start + num_bytes`."""

        def attempt() -> bytes:
            return _exactly(self._file.read_at(num_bytes, start), num_bytes)

        return patiently(self._what, attempt)


class RangeFile(Seekable):
    """An object as a seekable file.

    An error inside a callback of C code (soundfile's) does not reach the caller, who would take
    a cut for the end: so it is raised again by `close`.
    """

    def __init__(self, uri: str) -> None:
        self._ranges = Ranges(uri)
        super().__init__(self._ranges.size)
        self._error: BaseException | None = None

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        num_bytes = max(min(len(view), self._length - self._position), 0)
        if num_bytes:
            with self._kept():
                view[:num_bytes] = self._ranges.read(self._position, num_bytes)
        self._position += num_bytes
        return num_bytes

    @contextlib.contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self._error = error
            raise

    def close(self) -> None:
        error, self._error = self._error, None
        if not self.closed:
            self._ranges.close()
        super().close()
        if error is not None:
            raise error


class HeaderFile(RangeFile):
    """An object of which little is read, here and there: in blocks, each fetched once."""

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self._blocks: dict[int, bytes] = {}

    def readinto(self, buffer: WriteableBuffer) -> int:
        view, filled = memoryview(buffer).cast("B"), 0
        wanted = max(min(len(view), self._length - self._position), 0)
        while filled < wanted:
            index, offset = divmod(self._position, HEADER_BLOCK)
            piece = self._block(index)[offset : offset + wanted - filled]
            view[filled : filled + len(piece)] = piece
            self._position += len(piece)
            filled += len(piece)
        return filled

    def _block(self, index: int) -> bytes:
        if index not in self._blocks:
            start = index * HEADER_BLOCK
            with self._kept():
                self._blocks[index] = self._ranges.read(
                    start, min(HEADER_BLOCK, self._length - start)
                )
        return self._blocks[index]


def opened(uri: str) -> io.BufferedReader:
    """A seekable binary file.

    Raises:
        FileNotFoundError: it is not there.
    """
    return io.BufferedReader(RangeFile(uri), READ_AHEAD)
