"""The cluster: joined or started for as long as a run lasts, and noticed when it is lost.

What has to ask the head, such as starting and ending workers, is done by a thread beside: where the
head has gone, Ray waits for it for ever and ends the process.
"""

from __future__ import annotations

import logging
import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import ray

from morphsep.errors import SettingError
from morphsep.run.executors.step import ClusterLostError, Pool
from morphsep.storage import ended_by_sigterm

log = logging.getLogger("morphsep")

PATIENCE = 10.0
"""Seconds in which what was asked of the head should be done when a run ends."""
LOST = 30.0
"""Seconds without a connection to the head, after which a cluster is lost. Ray itself ends the
process after 60."""
LOOK = 2.0
"""Seconds between two looks."""


@contextmanager
def joined(pool: Pool) -> Iterator[Head]:
    """A cluster: the one at the pool's address, the one this process is in, or a new one.

    Raises:
        SettingError: there is none at the address.
    """
    started = not ray.is_initialized()
    if started:
        _join(pool.address or os.environ.get("RAY_ADDRESS") or "local")
    # through Ray's client (ray://) the head itself is not in reach
    head = Head(getattr(ray.get_runtime_context(), "gcs_address", None))
    try:
        with ended_by_sigterm(), head.watched():
            yield head
    finally:
        if started:
            ray.shutdown()


def _join(address: str) -> None:
    # under `uv run`, Ray would rebuild the workers' environment and lose extras
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    # without an address Ray would join whatever cluster was last started on this machine
    local: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
    try:
        context = ray.init(address, log_to_driver=False, logging_level=logging.WARNING, **local)
    except (ConnectionError, RuntimeError, ValueError) as error:
        why = str(error).partition("\n")[0]
        raise SettingError(f"there is no Ray cluster at {address}: {why}") from error
    if context.dashboard_url:
        log.warning("Ray's dashboard: http://%s", context.dashboard_url)


def _connect(address: str, seconds: float) -> None:
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), timeout=seconds).close()


class Head:
    """The cluster's head, as seen from here.

    Args:
        address: where it takes connections; None: it is not watched.
    """

    def __init__(self, address: str | None) -> None:
        self._address = address
        self._heard = time.monotonic()
        self._requests: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self.asked = threading.Thread(target=self._ask, daemon=True)
        self.failure: Exception | None = None
        """What a request has raised."""

    def ask(self, request: Callable[[], object]) -> None:
        """Does something that needs the head, after all that was asked before; does not wait."""
        self._requests.put(request)

    def check(self) -> None:
        """Call it now and then.

        Raises:
            ClusterLostError: the head has been away for too long.
            Exception: what a request has raised.
        """
        if time.monotonic() - self._heard > LOST:
            raise ClusterLostError(
                f"the cluster was lost: its head at {self._address} has not answered for "
                f"{LOST:.0f} s; see to it, then run the same command again, it goes on where this "
                "one stopped"
            )
        if self.failure is not None:
            raise self.failure

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Looks now and then whether it still is there; in the end waits a while for what was
        asked of it."""
        stop = threading.Event()
        thread = threading.Thread(target=self._watch, args=(stop,), daemon=True)
        thread.start()
        self.asked.start()
        try:
            yield
        finally:
            stop.set()
            self._requests.put(None)
            self.asked.join(0.0 if self.is_away else PATIENCE)

    @property
    def is_away(self) -> bool:
        """Whether it does not answer at the moment."""
        return time.monotonic() - self._heard > 2 * LOOK

    def _watch(self, stop: threading.Event) -> None:
        while not stop.wait(LOOK):
            with suppress(OSError):
                if self._address is not None:
                    _connect(self._address, LOOK)
                self._heard = time.monotonic()

    def _ask(self) -> None:
        while request := self._requests.get():
            try:
                request()
            except Exception as error:
                self.failure = error
