"""A worker: a process that can do every step of its kind, and keeps what the steps load."""

from __future__ import annotations

import pickle
import socket
import threading
from collections.abc import Callable, Collection
from typing import NamedTuple

from morphsep.run.executors.step import Steps


class Answer(NamedTuple):
    """What became of a record."""

    at: int
    """The step that is next for what follows from it."""
    records: list[bytes]
    raised: bytes | None = None
    """What a step has raised, pickled: Ray writes words of its own into what passes through."""


class Worker:
    """What it is given and answers is pickled here: whoever carries it need not know the records,
    and all that is raised on the way is the carrier's own."""

    def __init__(self) -> None:
        self._steps: Steps = ()
        self._own: Collection[int] = ()

    def begin(self, steps: bytes, own: Collection[int]) -> Answer:
        """Takes all steps, knows which of them are its own kind's, and tries the storage."""
        try:
            self._steps, probe, seconds = pickle.loads(steps)
            self._own = own
            if probe is not None:
                _in_time(probe, seconds)
        except Exception as error:
            return Answer(0, [], _pickled(error))
        return Answer(0, [])

    def work(self, at: int, record: bytes) -> Answer:
        """Does step `at`, and those that follow as long as they are its own and there is one
        record."""
        try:
            following = [pickle.loads(record)]
            while len(following) == 1 and at in self._own:
                following = self._steps[at].call(following[0])
                at += 1
            return Answer(at, [pickle.dumps(one) for one in following])
        except Exception as error:
            return Answer(at, [], _pickled(error))


def _in_time(probe: Callable[[], None], seconds: float) -> None:
    """Raises what the probe raises, or TimeoutError."""
    raised: list[Exception] = []

    def try_it() -> None:
        try:
            probe()
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=try_it, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(
            f"the storage has not answered a worker on {socket.gethostname()} for {seconds:.0f} s; "
            "see whether that machine reaches it, and has credentials for it"
        )
    if raised:
        raise raised[0]


def _pickled(error: Exception) -> bytes:
    """An exception that can be raised elsewhere."""
    try:
        data = pickle.dumps(error)
        pickle.loads(data)
    except Exception:
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return data
