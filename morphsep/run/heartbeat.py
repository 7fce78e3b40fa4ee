"""What a driver says about its run, every few seconds: a small file in the output folder.

Its warnings are in it too, those that workers have sent it among them.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from morphsep.dsp import Seconds
from morphsep.errors import SettingError
from morphsep.stages import Outcome, RunContext

BEAT: Seconds = 4.0
"""Between two signs of life of the driver."""
RECENT: Seconds = 600.0
"""The tracks that were finished for so long are counted."""

NOTICES = 5
"""The last warnings that are shown."""
LENGTH = 300
"""Characters of a warning that is shown."""

log = logging.getLogger("morphsep")


class _Warnings(logging.Handler):
    """Keeps the last ones."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last: deque[dict[str, Any]] = deque(maxlen=NOTICES)

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage().partition("\n")[0][:LENGTH]
        self.last.append({"at_ns": int(record.created * 1e9), "text": text})


class Heartbeat:
    """Counts finished tracks and writes the driver's signs of life.

    Args:
        total: tracks of the run.
        after: `finished_ns` of the newest row of earlier runs; this run's are all later.
    """

    def __init__(self, context: RunContext, total: int, executor: str, after: int) -> None:
        self._place = context.workspace.progress
        self._finished: deque[float] = deque()
        """When each of the tracks that were finished of late was recorded."""
        self._said: dict[str, Any] = {
            "run": context.id, "task": context.command, "executor": executor, "total": total,
            "driver": f"{socket.gethostname()}:{os.getpid()}", "started_ns": time.time_ns(),
            "work": context.workspace.elsewhere, "after_ns": after,
            "unchanged": 0, "ended": False, "stopped": None,
        }  # fmt: skip
        self._warnings = _Warnings()

    def record(self, outcome: Outcome) -> None:
        """Counts a track: for the rate, or, if nothing had to be done for it, as unchanged, since
        it leaves no row of this run."""
        if outcome.fresh:
            self._finished.append(time.monotonic())
        else:
            self._said["unchanged"] += 1

    def stop(self, why: str) -> None:
        """The run ends before everything is done."""
        self._said["stopped"] = why[:LENGTH]

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Gives signs of life for as long as this lasts, and says when and how it has ended.

        Raises:
            OSError, SettingError: the first sign cannot be written. Later ones may fail: they
                neither stop the run nor hide why it stopped.
        """
        stop = threading.Event()
        thread = threading.Thread(target=self._beat, args=(stop,), daemon=True)
        self._write()
        thread.start()
        log.addHandler(self._warnings)
        try:
            yield
        except KeyboardInterrupt:
            self.stop("it was told to end")
            raise
        except BaseException as error:
            self.stop(str(error) or type(error).__name__)
            raise
        finally:
            log.removeHandler(self._warnings)
            self._said["ended"] = True
            stop.set()
            thread.join()

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(BEAT):
            # while the storage is away there is no sign; the next one is tried again
            with suppress(OSError, SettingError):
                self._write()
        # from this thread: after Ctrl-C the main one writes nothing more
        try:
            self._write()
        except (OSError, SettingError) as error:
            log.warning("`morphsep status` will not know how this run ended: %s", error)

    def _write(self) -> None:
        while self._finished and self._finished[0] < time.monotonic() - RECENT:
            self._finished.popleft()
        now = {
            "recent": len(self._finished), "updated_ns": time.time_ns(),
            "warnings": list(self._warnings.last),
        }  # fmt: skip
        self._place.write_json(self._said | now)
