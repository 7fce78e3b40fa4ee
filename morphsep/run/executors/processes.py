"""Workers on this machine: processes, each reached by a pipe of its own.

A pipe each, and nothing shared among them: if one is killed, whatever it was doing, the others go
on, and it is known which records it had. (A pool of `concurrent.futures` or loky shares queues and
locks, and is broken as a whole.)
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
from collections import deque
from collections.abc import Collection, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from threading import Lock, Thread

from morphsep.dsp import Seconds
from morphsep.run.executors.place import Kind, Tell, WorkerLostError
from morphsep.run.executors.serving import serve
from morphsep.run.executors.step import Steps
from morphsep.run.executors.worker import Answer

log = logging.getLogger("morphsep")

PATIENCE: Seconds = 2.0
"""In which a worker that is told to end has to; then it is killed."""


class ThisMachine:
    """The place where workers share this machine's cores.

    Args:
        threads: of numerical libraries, for each worker.
    """

    def __init__(self, steps: Steps, threads: int) -> None:
        self.kinds = [Kind(frozenset(range(len(steps))), cpus=threads, gpus=0.0)]
        self._threads = threads
        self._started: list[Process] = []
        # the first lock starts multiprocessing's resource tracker, which leaves Ctrl-C unblocked
        # when it starts, and so would be in the first worker
        multiprocessing.get_context("spawn").Lock()

    def start(self, kind: Kind, given: bytes, tell: Tell) -> Process:
        """A new process."""
        self._started = [one for one in self._started if one.is_alive]
        process = Process((given, kind.own), self._threads, tell)
        self._started.append(process)
        return process

    def look(self) -> None:
        """Nothing is to be seen to."""

    def why_none(self, kind: Kind) -> str:
        """What a worker waits for."""
        return "this machine is very busy; see what else runs on it"

    def end(self) -> None:
        """Waits until all processes are gone."""
        for process in self._started:
            process.join()


class Process:
    """A worker."""

    def __init__(self, begin: tuple[bytes, Collection[int]], threads: int, tell: Tell) -> None:
        self.begun: Future[Answer] = Future()
        self._asked = deque([self.begun])
        """Answers that have not come, in turn."""
        self._tell = tell
        self._alone = Lock()
        self._is_lost = False
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, begin, threads), daemon=True)
        with _left_to_us():
            self._process.start()
        theirs.close()
        # only this one waits for the process: of two, one may be told that there is none
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def is_alive(self) -> bool:
        """Whether the process is there."""
        return self._listener.is_alive()

    def work(self, at: int, record: bytes) -> Future[Answer]:
        """What becomes of a record."""
        answer: Future[Answer] = Future()
        with self._alone:
            self._asked.append(answer)
            is_lost = self._is_lost
        if is_lost:
            self._lose()
        else:
            self._send((at, record))
        return answer

    def end(self) -> None:
        """Tells it to end, whatever it is at; does not wait."""
        self._send(None)

    def join(self) -> None:
        """Waits until it has ended; kills it where it does not."""
        self._listener.join(PATIENCE)
        if self._listener.is_alive():
            self._process.kill()
            self._listener.join()

    def _send(self, request: tuple[int, bytes] | None) -> None:
        with suppress(OSError):  # it is lost, and `_listen` will notice
            self._pipe.send(request)

    def _listen(self) -> None:
        with suppress(EOFError, OSError):
            while True:
                what, value = self._pipe.recv()
                if what == "told":
                    self._tell(value)
                elif what == "said":
                    log.log(value[0], "%s", value[1])
                else:
                    self._asked.popleft().set_result(value)
        self._process.join()
        self._lose()

    def _lose(self) -> None:
        """Nothing will be answered any more."""
        with self._alone:
            self._is_lost = True
            asked, self._asked = self._asked, deque()
        for answer in asked:
            answer.set_exception(WorkerLostError(self._how_it_ended()))

    def _how_it_ended(self) -> str:
        code = self._process.exitcode or 0
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"process {self._process.pid} ended: {how}"


@contextmanager
def _left_to_us() -> Iterator[None]:
    """What is started meanwhile never sees Ctrl-C, which a terminal sends to all: the driver ends
    its workers."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
