"""One run at a time in an output folder, here or in an object store."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from morphsep.errors import SettingError
from morphsep.storage import object_store
from morphsep.storage.faults import StorageError
from morphsep.storage.object_store import Version

if TYPE_CHECKING:
    from morphsep.storage.locations import Location

BEAT = 3.0
"""Seconds between two signs of life."""

DEAD = 12.0
"""Seconds without a sign of life, on the clock of who waits, after which a lease is void."""

Note = dict[str, Any]


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
    the next run waits that long. The store lets one of several take it; clocks are not compared.

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
    found, version = _wait_for_death(place, folder)
    lease = taken(place, found, version)
    if lease is None:
        raise _taken(folder, str(read(place)[0].get("owner", "")))
    with renewed(lease) as held:
        yield held


@dataclass
class Lease:
    """A note in an object store that says who is at work, as we wrote it last."""

    place: Location
    note: Note
    version: Version | None
    """None: somebody has removed it."""


def read(place: Location) -> tuple[Note, Version | None]:
    """The note of whoever holds a lease; empty if nobody does.

    Raises:
        StorageError: what lies there is no lease.
    """
    found = object_store.read_version(place.text)
    if found is None:
        return {}, None
    try:
        note = json.loads(found[0])
    except ValueError as error:
        raise StorageError(f"{place} is damaged; remove it if no run is at work there") from error
    return (note if isinstance(note, dict) else {}), found[1]


def taken(place: Location, found: Note, version: Version | None) -> Lease | None:
    """A lease of ours in place of one that was found to be void; None if another was faster."""
    note = {
        "epoch": int(found.get("epoch", 0)) + 1,
        "token": secrets.token_hex(8),
        "beat": 0,
        "owner": _whoami(),
    }
    lease = Lease(place, note, version)
    return lease if _swap(lease) else None


def _swap(lease: Lease) -> bool:
    """Writes a lease over the version that we know; False if somebody changed it meanwhile."""
    data = json.dumps(lease.note, indent=1).encode()
    written = object_store.swap(lease.place.text, data, lease.version)
    if written is not None:
        lease.version = written
    return written is not None


@contextlib.contextmanager
def renewed(lease: Lease) -> Iterator[Held]:
    """Gives signs of life for a lease that is ours, and gives it back in the end."""
    held, stop = Held(), threading.Event()
    thread = threading.Thread(target=_renew, args=(lease, held, stop), daemon=True)
    thread.start()
    try:
        yield held
    finally:
        stop.set()
        thread.join()
        # what cannot be removed now is void after DEAD seconds
        with contextlib.suppress(OSError, SettingError):
            if _rank(read(lease.place)[0]) == _rank(lease.note):
                lease.place.remove()


def _renew(lease: Lease, held: Held, stop: threading.Event) -> None:
    """Beats until told to stop, or until another has taken over."""
    while not stop.wait(BEAT):
        # a beat that is missed is no harm: the next one sees whether the lease is still ours
        with contextlib.suppress(OSError, SettingError):
            lease.note["beat"] += 1
            if _swap(lease):
                continue
            found, lease.version = read(lease.place)
            # what ranks lower was written by an earlier holder, too late: the next beat mends it
            if _rank(found) > _rank(lease.note):
                held.lost = True
                return


def _rank(note: Note) -> tuple[int, str]:
    return int(note.get("epoch", 0)), str(note.get("token", ""))


def _wait_for_death(place: Location, folder: Location) -> tuple[Note, Version | None]:
    """The lease that is there; returns when it is gone or void."""
    first, silent, pause = read(place), 0.0, min(1.0, BEAT)
    looked = time.monotonic()
    while (found := read(place))[0]:
        if found != first:
            raise _taken(folder, str(found[0].get("owner", "")))
        # while the storage was away for us, it was for the holder, too: that is no silence
        silent += min(time.monotonic() - looked, 2 * pause)
        looked = time.monotonic()
        if silent > DEAD:
            return found
        time.sleep(pause)
    return first[0], None
