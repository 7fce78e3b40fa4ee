"""One after the other: what several workers would make at the same time is made by one of them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from morphsep.storage.files import only_one
from morphsep.storage.locking import DEAD, SETTLE, Lease, is_ours, read, renewed, written

if TYPE_CHECKING:
    from morphsep.storage.locations import Location

LOOK = 0.5
"""Seconds between two looks at whether it is our turn."""


@contextlib.contextmanager
def turn(place: Location) -> Iterator[None]:
    """Waits until nobody else is inside the same `turn`, however long that takes.

    On a local or shared disk the kernel decides, and whoever dies is out. In an object store a
    lease says whose turn it is (see `morphsep.storage.locking`); who gives no sign of life for
    `DEAD` seconds is passed over. Two may then believe that it is theirs: use it to
    save work, not to keep a promise.

    Args:
        place: names what is waited for; a folder of locks, or a file that is gone afterwards.
    """
    if place.is_local:
        with only_one(place.path / "turn"):
            yield
        return
    lease = _take(place)
    with renewed(place, lease):
        yield


def _take(place: Location) -> Lease:
    while True:
        lease = written(place, _wait(place) + 1)
        time.sleep(SETTLE)
        if is_ours(place, lease):
            return lease


def _wait(place: Location) -> int:
    """Epoch of the lease that was there, 0 if none; returns when it is gone or void."""
    found, since = read(place), time.monotonic()
    epoch = int(found.get("epoch", 0))
    while found and time.monotonic() - since <= DEAD:
        time.sleep(LOOK)
        now = read(place)
        if now != found:
            found, since = now, time.monotonic()
        epoch = max(epoch, int(found.get("epoch", 0)))
    return epoch
