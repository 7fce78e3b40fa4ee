"""Reading objects of a store: whole, by ranges, as a seekable file."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morphsep.storage.clients import client
from morphsep.storage.files import whole
from morphsep.storage.refusals import attempted
from morphsep.storage.seekable import Seekable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK = 32 << 20
"""Bytes of a download that are asked for at a time."""

READ_AHEAD = 1 << 20
"""Bytes that `RangeFile` asks for at a time, at the least."""


HEAD = 1 << 16
"""Bytes that are fetched when an object is opened: most headers lie within."""


def read(uri: str) -> tuple[bytes, Any]:
    """The whole of an object and what the store says of it (obstore's ObjectMeta), of one moment.

    Raises:
        FileNotFoundError: it is not there.
    """
    import obstore

    store, key = client(uri)

    def attempt() -> tuple[bytes, Any]:
        found = obstore.get(store, key)
        return _exactly(found.bytes(), found.meta["size"]), found.meta

    return attempted(f"reading {uri}", attempt)


def _exactly(data: Any, num_bytes: int) -> bytes:
    if len(data) != num_bytes:
        raise ConnectionError(f"got {len(data)} of {num_bytes} bytes")
    return bytes(data)


def download(uri: str, target: Path) -> None:
    """Fetches an object into a local file, whole or not at all; each block is tried by itself."""
    ranges = Ranges(uri, BLOCK)
    with whole(target) as part, part.open("wb") as file:
        for start in range(0, ranges.size, BLOCK):
            file.write(ranges.read(start, min(BLOCK, ranges.size - start)))


class Ranges:
    """An object of which spans are read, each by one request; the first comes when it is opened.

    Raises:
        FileNotFoundError: it is not there.
    """

    def __init__(self, uri: str, first: int = HEAD) -> None:
        self._what = f"reading {uri}"
        self._store, self._key = client(uri)
        self._first, self.size = attempted(self._what, lambda: self._open(first))

    def _open(self, num_bytes: int) -> tuple[bytes, int]:
        import obstore
        from obstore.exceptions import GenericError

        try:
            found = obstore.get(self._store, self._key, options={"range": (0, num_bytes)})
        except GenericError as error:
            # an empty object has no range
            if "status code: 416" not in str(error):
                raise
            return b"", int(obstore.head(self._store, self._key)["size"])
        size = int(found.meta["size"])
        return _exactly(found.bytes(), min(num_bytes, size)), size

    def read(self, start: int, num_bytes: int) -> bytes:
        """Bytes `start` to `start + num_bytes`."""
        import obstore

        if start + num_bytes <= len(self._first):
            return self._first[start : start + num_bytes]

        def attempt() -> bytes:
            data = obstore.get_range(self._store, self._key, start=start, length=num_bytes)
            return _exactly(data, num_bytes)

        return attempted(self._what, attempt)


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
            index, offset = divmod(self._position, HEAD)
            piece = self._block(index)[offset : offset + wanted - filled]
            view[filled : filled + len(piece)] = piece
            self._position += len(piece)
            filled += len(piece)
        return filled

    def _block(self, index: int) -> bytes:
        if index not in self._blocks:
            start = index * HEAD
            with self._kept():
                self._blocks[index] = self._ranges.read(start, min(HEAD, self._length - start))
        return self._blocks[index]


def opened(uri: str) -> io.BufferedReader:
    """A seekable binary file.

    Raises:
        FileNotFoundError: it is not there.
    """
    return io.BufferedReader(RangeFile(uri), READ_AHEAD)
