"""What workers have to say reaches the driver's log while they work, not only where they run."""

from __future__ import annotations

import logging
import socket
from collections import deque
from contextlib import suppress
from typing import Any

import ray
from ray.exceptions import RayError

log = logging.getLogger("morphsep")

KEPT = 20
"""Notices until the driver asks, about once a second; of more only their number is kept."""
LENGTH = 4000
"""Characters of a notice."""

Said = tuple[int, str]
"""Level of a log record, and its text."""


class Notices:
    """An actor that keeps what workers say until the driver asks for it."""

    def __init__(self) -> None:
        self._said: deque[Said] = deque()
        self._more = 0

    def add(self, said: Said) -> None:
        """Keeps it, or counts it."""
        if len(self._said) < KEPT:
            self._said.append(said)
        else:
            self._more += 1

    def take(self) -> list[Said]:
        """What was said since the last time."""
        said = list(self._said)
        if self._more:
            said.append((logging.WARNING, f"and {self._more} more in the last second"))
        self._said.clear()
        self._more = 0
        return said


class Teller(logging.Handler):
    """Sends a worker's log records to `Notices`, with the name of its machine."""

    def __init__(self, notices: Any) -> None:
        super().__init__(logging.WARNING)
        self._notices = notices
        self._sent: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Sends one; does not wait."""
        try:
            text = f"{socket.gethostname()}: {self.format(record)}"
            self._sent.append(self._notices.add.remote((record.levelno, text[:LENGTH])))
        except Exception:
            self.handleError(record)  # whatever is logged must not fail by it

    def flush(self) -> None:
        """Waits a moment until all have arrived."""
        sent, self._sent = self._sent, []
        if sent:
            ray.wait(sent, num_returns=len(sent), timeout=1.0)


class Listener:
    """The driver's end: logs what workers say, as if it were said here."""

    def __init__(self) -> None:
        # the end of the machine that it is on does not end it for good
        self.actor: Any = ray.remote(Notices).options(num_cpus=0, max_restarts=-1).remote()
        self._asked: list[Any] = []

    def listen(self) -> None:
        """Logs what has come, and asks for more; does not wait. It asks whether or not it has been
        answered: what is sent finds out that a connection was cut."""
        self._log()
        self._asked.append(self.actor.take.remote())

    def end(self) -> None:
        """Waits a moment for the last of it."""
        self.listen()
        ray.wait(self._asked, num_returns=len(self._asked), timeout=2.0)
        self._log()

    def _log(self) -> None:
        if not self._asked:
            return
        come, self._asked = ray.wait(self._asked, num_returns=len(self._asked), timeout=0)
        for reply in come:
            with suppress(RayError):  # what was said then is in the workers' logs
                for level, text in ray.get(reply):
                    log.log(level, "%s", text)
