"""One run at a time in an output folder, here or in an object store."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from morphsep.errors import SettingError
from morphsep.storage.faults import StorageError

if TYPE_CHECKING:
    from morphsep.storage.locations import Location

BEAT = 5.0
"""Seconds between two signs of life."""

DEAD = 30.0
"""Seconds without a sign of life, on the clock of who waits, after which a lease is void."""

Lease = dict[str, Any]

SETTLE = 1.0
"""Seconds between taking a lease and looking whether another took it at the same moment."""


class Held:
    """A lock that is held, or several at once."""

    def __init__(self, *parts: Held) -> None:
        self.lost = False
        """Whether another run has taken over, because this one gave no sign for too long."""
        self._parts = parts

    def check(self) -> None:
        """Call it now and then.

        Raises:
            StorageError: another run has taken over.
        """
        if self.lost:
            raise StorageError(
                "another run has taken over the output folder, because this one could not reach "
                "the storage for too long; leave it to that run, or run the same command later"
            )
        for part in self._parts:
            part.check()


@contextlib.contextmanager
def lock(folder: Location) -> Iterator[Held]:
    """Keeps a second run out of a folder while this one writes there.

    Local folders are locked by the kernel. In an object store a lease says who is at work and is
    renewed by a thread; one that is not renewed for `DEAD` seconds is taken over, so after a kill
    the next run waits that long. Clocks are not compared.

    Raises:
        SettingError: another run is at work there, or nothing can be written.
    """
    with _local(folder) if folder.is_local else _remote(folder) as held:
        yield held


@contextlib.contextmanager
def _local(folder: Location) -> Iterator[Held]:
    from filelock import FileLock, Timeout

    file = folder.path / ".morphsep" / "lock"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # only what the kernel takes back from a killed process counts as a lock
        kernel = FileLock(file, blocking=False, fallback_to_soft=False)
        kernel.acquire()
    except Timeout as error:
        raise _taken(folder, file.read_text("utf-8")[:200].strip()) from error
    except OSError as error:
        raise SettingError(f"cannot write to the folder {folder}: {error.strerror}") from error
    try:
        file.write_text(_whoami(), "utf-8")
        yield Held()
    finally:
        kernel.release()


def _whoami() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def _taken(folder: Location, owner: str) -> SettingError:
    who = f" ({owner})" if owner else ""
    return SettingError(
        f"another run{who} is at work in {folder}; wait for it, or choose another folder"
    )


@contextlib.contextmanager
def _remote(folder: Location) -> Iterator[Held]:
    place = folder / ".morphsep/lease.json"
    with renewed(place, _take(place, folder)) as held:
        yield held


@contextlib.contextmanager
def renewed(place: Location, lease: Lease) -> Iterator[Held]:
    """Gives signs of life for a lease that is ours, and gives it back in the end."""
    held, stop = Held(), threading.Event()
    thread = threading.Thread(target=_renew, args=(place, lease, held, stop), daemon=True)
    thread.start()
    try:
        yield held
    finally:
        stop.set()
        thread.join()
        # what cannot be removed now is void after DEAD seconds
        with contextlib.suppress(OSError, SettingError):
            if is_ours(place, lease):
                place.remove()


def _take(place: Location, folder: Location) -> Lease:
    """Our lease, written and seen to be ours."""
    lease = written(place, _wait_for_death(place, folder) + 1)
    time.sleep(SETTLE)
    found = read(place)
    if _rank(found) != _rank(lease):
        raise _taken(folder, str(found.get("owner", "")))
    return lease


def written(place: Location, epoch: int) -> Lease:
    """A lease of ours; whether it stays shows after `SETTLE` seconds."""
    lease = {"epoch": epoch, "token": secrets.token_hex(8), "beat": 0, "owner": _whoami()}
    place.write_json(lease)
    return lease


def is_ours(place: Location, lease: Lease) -> bool:
    """Whether a lease is still the one that counts."""
    return _rank(read(place)) == _rank(lease)


def _wait_for_death(place: Location, folder: Location) -> int:
    """Epoch of the lease that was there, 0 if none; returns when it is gone or void."""
    first = read(place)
    began = time.monotonic()
    while found := read(place):
        if found != first:
            raise _taken(folder, str(found.get("owner", "")))
        if time.monotonic() - began > DEAD:
            return int(found.get("epoch", 0))
        time.sleep(min(1.0, BEAT))
    return int(first.get("epoch", 0))


def _renew(place: Location, lease: Lease, held: Held, stop: threading.Event) -> None:
    """Beats until told to stop. The higher (epoch, token) wins wherever two believe to hold it:
    the lower sees it at its next beat at the latest."""
    while not stop.wait(BEAT):
        # a beat that is missed is no harm: the next one sees whether the lease is still ours
        with contextlib.suppress(OSError, SettingError):
            if _rank(read(place)) > _rank(lease):
                held.lost = True
                return
            lease["beat"] += 1
            place.write_json(lease)


def _rank(lease: Lease) -> tuple[int, str]:
    return int(lease.get("epoch", 0)), str(lease.get("token", ""))


def read(place: Location) -> Lease:
    """The lease at a place; empty if there is none.

    Raises:
        StorageError: what lies there is no lease.
    """
    try:
        found = place.read_json()
    except ValueError as error:
        raise StorageError(f"{place} is damaged; remove it if no run is at work there") from error
    return found if isinstance(found, dict) else {}
