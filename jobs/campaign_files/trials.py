"""Files through morphsep, in processes that may crash, hang or grow: each fault is one file's."""

from __future__ import annotations

import multiprocessing
import os
import time
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import TracebackType

from jobs.campaign_files.child import AMOUNTS, Answer, work

TIMEOUT = 60.0
"""Seconds for one file at one amount."""
MEMORY = 1 << 30
"""Bytes that the process may hold."""
START = 300.0
"""The same for the first file of a process, which loads all libraries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What became of one file."""

    answers: tuple[Answer, ...]
    """One an amount, as far as it came."""
    seconds: float
    end: str = ""
    """How the process ended, if it did: hung, killed, too much memory."""


class Worker:
    """A process that morphs files; another one where it ends before its time."""

    def __init__(self, timeout: float = TIMEOUT) -> None:
        """``timeout``: seconds for one file at one amount."""
        self._timeout = timeout
        self._process: SpawnProcess | None = None
        self.peak = 0
        """Most bytes that any of the processes held."""

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._stop()

    def morph(self, path: Path, out: Path) -> Trial:
        """One file at every amount."""
        patience = self._timeout if self._process is not None else START
        if self._process is None:
            self._start()
        began, answers = time.monotonic(), []
        self._jobs.send((path, out))
        end = ""
        for _ in AMOUNTS:
            answer = self._next(patience)
            if isinstance(answer, str):
                end = answer
                self._stop()
                break
            answers.append(answer)
        return Trial(answers=tuple(answers), seconds=time.monotonic() - began, end=end)

    def _next(self, patience: float) -> Answer | str:
        """The next answer, or how the process ended."""
        until = time.monotonic() + patience
        while time.monotonic() < until:
            if self._jobs.poll(0.2):
                try:
                    answer: Answer = self._jobs.recv()
                except EOFError:
                    return "killed"
                self._note_memory()
                return answer
            if self._note_memory() > MEMORY:
                return "too much memory"
        return "hung"

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._jobs, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._jobs.close()
            self._process = None

    def _note_memory(self) -> int:
        """Most bytes that the process held so far; 0 where the system does not tell."""
        pid = self._process.pid if self._process is not None else None
        status = Path("/proc", str(pid), "status")
        try:
            lines = status.read_text().splitlines()
        except OSError:
            return 0
        held = next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM")), 0)
        self.peak = max(self.peak, held)
        return held


def prepare_environment() -> None:
    """One thread a process, as several run side by side."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
