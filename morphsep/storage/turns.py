"""One after the other: what several workers would make at the same time is made by one of them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from morphsep.storage.files import only_one
from morphsep.storage.locking import DEAD, Lease, Note, read, renewed, taken
from morphsep.storage.object_store import Version

if TYPE_CHECKING:
    from morphsep.storage.locations import Location

LOOK = 0.5
"""Seconds between two looks at whether it is our turn."""


@contextlib.contextmanager
def turn(place: Location) -> Iterator[None]:
    """Waits until nobody else is inside the same `turn`, however long that takes.

    On a local or shared disk the kernel decides, and whoever dies is out. In an object store a
    lease says whose turn it is (see `morphsep.storage.locking`); whoever gives no sign of life
    for `DEAD` seconds is passed over, and may believe for a while that it is still its turn: use
    it to save work, not to keep a promise.

    Args:
        place: names what is waited for; a folder of locks, or a file that is gone afterwards.
    """
    if place.is_local:
        with only_one(place.path / "turn"):
            yield
        return
    with renewed(_take(place)):
        yield


def _take(place: Location) -> Lease:
    while True:
        if lease := taken(place, *_wait(place)):
            return lease


def _wait(place: Location) -> tuple[Note, Version | None]:
    """The lease that was there; returns when it is gone or void."""
    found, since = read(place), time.monotonic()
    while found[0] and time.monotonic() - since <= DEAD:
        time.sleep(LOOK)
        now = read(place)
        if not now[0]:
            return found[0], None
        if now != found:
            found, since = now, time.monotonic()
    return found
