"""What happens when a stage fails: tried again, or made into the track's row. Never a dead batch.

- The file's fault (`TrackError`), a full disk, a defect of ours: a failed row; the run goes on.
- Storage that does not answer: tried again after a while, then a failed row; counted.
- A worker that dies or hangs (`RunContext.timeout`): the executor tries again elsewhere. A note
  beside each attempt counts them across workers, and after `MOST_ATTEMPTS` the track gets a failed
  row: a poisoned input cannot stall a run.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import random
import socket
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from morphsep import storage
from morphsep.errors import ErrorCode, RefusedError, SettingError, TrackError
from morphsep.stages import Clip, RunContext, finish
from morphsep.storage import Location

log = logging.getLogger("morphsep")


class Stage(Protocol):
    """A function of the package `morphsep.stages`, or what can be called like one."""

    @property
    def __name__(self) -> str: ...

    def __call__(self, run: RunContext, clip: Clip) -> list[Clip]: ...


MOST_ATTEMPTS = 3
WAITS = (2.0, 10.0, 30.0)
"""Seconds before a record is tried again after a fault of the storage, give or take a half: four
tries in a stage, however they fail. Each access has been tried for half a minute to two minutes by
then (`morphsep.storage`), so storage may be away for 3 minutes, and none is waited for longer than
a quarter of an hour."""


class _Patience:
    """What is left of it for one record."""

    def __init__(self) -> None:
        self._waits = iter(WAITS)

    def wait(self, what: str, error: Exception) -> None:
        """Waits before the next try.

        Raises:
            Exception: the error, if there is to be none.
        """
        storage.check_interrupt()
        wait = next(self._waits, None)
        if wait is None:
            raise error
        log.warning("%s: %s; trying again", what, error)
        time.sleep(wait * random.uniform(0.5, 1.5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A stage that always answers: with clips, or with the outcome of a track that failed."""

    stage: Stage
    context: RunContext

    def __call__(self, clip: Clip) -> list[Clip]:
        """Raises OSError, or RefusedError, if the manifest cannot be written: this ends the run."""
        patience = _Patience()
        while True:
            try:
                return self._answer(clip, patience)
            except storage.StorageError as error:
                patience.wait(clip.job.path, error)

    def _answer(self, clip: Clip, patience: _Patience) -> list[Clip]:
        if clip.outcome is not None:
            return [clip]
        tried_before = storage.retries()
        if self._has_ended(clip):
            return []
        try:
            with _noted(self.context, self.stage.__name__, clip, tried_before) as attempt:
                if attempt.number > MOST_ATTEMPTS:
                    raise TrackError("worker_killed", _POISON)
                following = self._patiently(clip, patience)
                attempt.is_cleared = any(each.outcome is not None for each in following)
                return following
        except Exception as error:
            storage.check_interrupt()  # or what it broke off would count as the file's fault
            if self._has_ended(clip):
                return []
            code, message = _blame(error)
            if code == "internal":
                log.exception("%s: a defect of morphsep, please report it", clip.job.path)
            status = clip.job.refused_as if clip.job.refusal else "failed"
            values = {"status": status, "error_code": code, "message": message}
            return [replace(clip, outcome=finish(self.context, clip, values))]

    def _has_ended(self, clip: Clip) -> bool:
        """Whether this run has committed the track's row already. Several workers can be given the
        same record, and the first one to finish removes what the slower ones would need."""
        return bool(self.context.workspace.ended(clip.job.track).read_json() == self.context.id)

    def _patiently(self, clip: Clip, patience: _Patience) -> list[Clip]:
        while True:
            try:
                return self.stage(self.context, clip)
            except Exception as error:
                if not storage.is_transient(error):
                    raise
                patience.wait(clip.job.path, error)
                self.context.count_retries(clip.job.track)


_POISON = (
    f"its worker was killed {MOST_ATTEMPTS} times over it (a crash, too little memory, or longer "
    "than --timeout); try a shorter --section, and look at the file"
)


@dataclass
class _Noted:
    number: int
    """Of this attempt, from 1."""
    is_cleared: bool = False
    """Whether the track is done, and all of its notes are removed."""


@contextmanager
def _noted(context: RunContext, stage: str, clip: Clip, tried_before: int) -> Iterator[_Noted]:
    """An attempt whose note is removed at the end, so that it stays only if the worker dies (or if
    the storage is away at that moment).

    Args:
        tried_before: how often this thread had tried storage again when the attempt began.
    """
    start = clip.section.start if clip.section else 0
    note = context.workspace.attempt_notes(clip.job.track) / f"{stage}-{start:012d}.json"
    attempt = _Noted(1 + _count(note, {"track": clip.job.track, "stage": stage, "start": start}))
    if context.timeout:
        faulthandler.dump_traceback_later(context.timeout, exit=True)
    try:
        if attempt.number > 1:
            context.count_retries(clip.job.track)
        yield attempt
    finally:
        if context.timeout:
            faulthandler.cancel_dump_traceback_later()
        if not attempt.is_cleared:
            note.remove()
        if (tried_again := storage.retries() - tried_before) > 0:
            context.count_retries(clip.job.track, tried_again)


def _count(note: Location, about: dict[str, Any]) -> int:
    """Notes one more attempt. Returns how many there were."""
    said = about | {
        "tries": 1, "since_ns": time.time_ns(), "worker": f"{socket.gethostname()}:{os.getpid()}",
    }  # fmt: skip
    # most often there is none: one request instead of two
    if not note.is_local and note.create_json(said):
        return 0
    before = int((note.read_json() or {}).get("tries", 0))
    note.write_json(said | {"tries": before + 1})
    return before


def _blame(error: Exception) -> tuple[ErrorCode, str]:
    """The code and the sentence for what went wrong with a track."""
    if isinstance(error, TrackError):
        return error.code, error.message
    if storage.is_transient(error):
        return "storage", f"the storage does not answer ({error}); run the same command again"
    if isinstance(error, RefusedError):
        return "no_permission", str(error)
    if isinstance(error, SettingError):
        return "worker_lacks", str(error)  # the driver, which may know less, let them pass
    if storage.is_full(error):
        return "disk_full", "the disk is full; make room and run the same command again"
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "out_of_memory", "out of memory; try a shorter --section, or another device"
    if isinstance(error, PermissionError):
        return "no_permission", f"not allowed: {error.filename}; change its permissions"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    line = f"{Path(frame.filename).name}, line {frame.lineno}"
    return "internal", f"{type(error).__name__}: {error} ({line}); please report this"
