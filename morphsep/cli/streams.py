"""Printing that decides nothing: a run ends as its work did, whoever reads along or does not."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import re
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

NOBODY_READS = (errno.EPIPE, errno.EBADF)
"""How writing fails where the reader has gone (``| head``) or closed it on purpose (``>&-``)."""
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What a terminal obeys instead of showing it, breaks a line, or cannot be encoded."""


def shown(text: str) -> str:
    """A text in one line that a terminal only shows; what it would obey is escaped.

    >>> print(shown("a\\nb\\x1b[2J"))
    a\\nb\\x1b[2J
    """
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def as_json(value: Any) -> str:
    """A value as JSON in one line, in characters that standard output can hold."""
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    return json.dumps(value, ensure_ascii=encoding != "utf8", default=os.fspath)


class Unbreakable(io.RawIOBase):
    """A file descriptor that can be written to for ever; `lost` is why bytes went nowhere."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.lost: OSError | None = None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: Any, /) -> int:
        left = memoryview(data).cast("B")
        size = len(left)
        while left and self.lost is None:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:  # whoever reads is slow
                select.select([], [self._descriptor], [])
            except OSError as error:
                self.lost = error
        return size


@contextmanager
def unbreakable() -> Iterator[None]:
    """For as long as this lasts, standard output and error hold any text and never fail."""
    _keep_numbers()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (
        _wrapped(stream, own, number)
        for stream, own, number in (
            (sys.stdout, sys.__stdout__, 1),
            (sys.stderr, sys.__stderr__, 2),
        )
    )
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout, sys.stderr = before


def lost_output() -> OSError | None:
    """Why some of what was printed on standard output was lost; None if nobody wanted it."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    lost = raw.lost if isinstance(raw, Unbreakable) else None
    return None if lost is None or lost.errno in NOBODY_READS else lost


def _keep_numbers() -> None:
    """Where a standard stream is closed, its number must not become that of a file of ours: other
    libraries print to it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _wrapped(stream: TextIO | None, own: TextIO | None, number: int) -> TextIO:
    if stream is not own:  # somebody collects it: a test
        assert stream is not None
        return stream
    encoding = "utf-8" if stream is None else stream.encoding
    raw = Unbreakable(number)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=raw.isatty()
    )


class OneLine(logging.Filter):
    """Makes each message of a log one line, whatever names it holds."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = shown(record.getMessage()), ()
        return True


def log_to_stderr() -> None:
    """Warnings of ours and of others go to standard error, one line each."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(OneLine())
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s", handlers=[handler])
