"""A worker on a cluster: the actor, and its end here."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from morphsep.run.executors.place import WorkerLostError
from morphsep.run.executors.ray.cluster import Head
from morphsep.run.executors.ray.notices import Teller
from morphsep.run.executors.worker import Answer, Worker
from morphsep.run.malloc import keep_freed_memory


class RayWorker(Worker):
    """The actor's class."""

    def __init__(self, sees_gpus: bool, notices: Any) -> None:
        super().__init__()
        if not sees_gpus:
            # Ray leaves them visible to whom it gave none, and then nobody counts who uses them
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        keep_freed_memory()
        logging.basicConfig(level=logging.WARNING)  # into the log files of this node
        self._teller = Teller(notices)
        logging.getLogger("morphsep").addHandler(self._teller)

    def work(self, at: int, record: bytes) -> Answer:
        """See `Worker`; in the end waits a moment until what was said has arrived."""
        try:
            return super().work(at, record)
        finally:
            self._teller.flush()

    def here(self) -> None:
        """Nothing, see `Actor.give_sign`."""


class Actor:
    """An actor as reached from here. Ray does not start it again by itself: who starts again
    decides what is done again.

    Args:
        start: starts it.
        begin: the arguments of `Worker.begin`.
        head: asked to start and to end it.
    """

    def __init__(self, start: Callable[[], Any], begin: tuple[Any, ...], head: Head) -> None:
        self.begun: Future[Answer] = Future()
        self._head = head
        self._actor: Any = None
        self.is_ended = False
        head.ask(lambda: self._start(start, begin))

    def work(self, at: int, record: bytes) -> Future[Answer]:
        """What becomes of a record."""
        answer: Future[Answer] = Future()
        _pass_on(self._actor.work.remote(at, record), answer)
        return answer

    def end(self) -> None:
        """Ends it, whatever it is at."""
        self.is_ended = True
        self._head.ask(lambda: ray.kill(self._actor))

    def give_sign(self) -> None:
        """Sends it something. That finds out whether the way to it was cut, and with it the way
        back of its answers; where nothing is sent, Ray looks after five minutes."""
        if self._actor is not None:
            sign: Future[None] = self._actor.here.remote().future()
            sign.add_done_callback(Future.exception)  # its answers tell of it, too

    def _start(self, start: Callable[[], Any], begin: tuple[Any, ...]) -> None:
        self._actor = start()
        _pass_on(self._actor.begin.remote(*begin), self.begun)


def _pass_on(reply: Any, answer: Future[Answer]) -> None:
    """Makes Ray's answer ours, when it is there."""

    def come(done: Future[Answer]) -> None:
        try:
            answer.set_result(done.result())
        except RayTaskError as error:
            # not lost, so no other worker would do better
            answer.set_exception(RuntimeError(f"a worker could not answer: {error}"))
        except RayError as error:
            answer.set_exception(WorkerLostError(str(error).partition("\n")[0]))
        except BaseException as error:
            answer.set_exception(error)

    reply.future().add_done_callback(come)
