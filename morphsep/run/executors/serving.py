"""A worker's process on this machine: does what the driver sends, until the driver is gone."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Collection
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from morphsep.run.executors.worker import Worker
from morphsep.run.malloc import keep_freed_memory

THREADS = "OMP_NUM_THREADS"
"""What bounds the threads of numerical libraries that are not loaded yet, torch among them."""

_driver: _Driver | None = None


def tell(value: Any) -> None:
    """Sends something to the driver's `Pool.on_told`, from a worker on this machine. Elsewhere
    nobody hears it."""
    if _driver is not None:
        _driver.send("told", value)


class _Driver:
    """Whoever has started this process."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._alone = threading.Lock()

    def send(self, what: str, value: Any) -> None:
        """Sends (what, value)."""
        with self._alone, suppress(OSError):  # it is gone; `_Requests` will notice
            self._pipe.send((what, value))


class _Teller(logging.Handler):
    """Sends log records."""

    def __init__(self, driver: _Driver) -> None:
        super().__init__(logging.WARNING)
        self._driver = driver

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._driver.send("said", (record.levelno, self.format(record)))
        except Exception:
            self.handleError(record)  # whatever is logged must not fail by it


def serve(pipe: Connection, begin: tuple[bytes, Collection[int]], threads: int) -> None:
    """Answers requests in turn.

    Args:
        begin: the arguments of `Worker.begin`.
        threads: how many a numerical library may use.
    """
    global _driver
    _driver = driver = _Driver(pipe)
    keep_freed_memory()
    _limit_threads(threads)
    logging.getLogger("morphsep").addHandler(_Teller(driver))
    requests = _Requests(pipe)
    worker = Worker()
    driver.send("answer", worker.begin(*begin))
    while (request := requests.next()) is not None:
        driver.send("answer", worker.work(*request))


class _Requests:
    """Requests as they come, read by a thread beside: a worker at work has to notice, too, that the
    driver has ended it or is gone."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._come: SimpleQueue[tuple[int, bytes] | None] = SimpleQueue()
        self._num_come = 1  # the first is to begin
        self._num_done = 0
        threading.Thread(target=self._read, daemon=True).start()

    def next(self) -> tuple[int, bytes] | None:
        """Step and record, once all before has been answered; None: this is the end."""
        self._num_done += 1
        return self._come.get()

    def _read(self) -> None:
        with suppress(EOFError, OSError):
            while request := self._pipe.recv():
                self._num_come += 1
                self._come.put(request)
        if self._num_done < self._num_come:
            os._exit(1)  # whatever it is at
        self._come.put(None)


def _limit_threads(most: int) -> None:
    """Of the libraries that are loaded, and those to come."""
    from threadpoolctl import threadpool_limits

    given = os.environ.get(THREADS, "")
    if given.isdecimal():
        most = max(1, min(most, int(given)))
    os.environ[THREADS] = str(most)
    threadpool_limits(most)
