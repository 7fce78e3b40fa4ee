"""Files to read from that are no files: what `io` wants of them, said once."""

from __future__ import annotations

import io


class Seekable(io.RawIOBase):
    """A position in `length` bytes. Who inherits reads at `_position` and moves it on."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._length}[whence]
        self._position = max(base + offset, 0)
        return self._position
