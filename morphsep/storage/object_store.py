"""Objects in a store (S3, Google Cloud Storage), by obstore.

Names are URIs. An object appears whole, by one request or by an upload in parts, which is given up
if one of them fails. Versions make several writers take turns: see `swap`.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypedDict, TypeVar, cast

from morphsep.storage import interrupt, listing, ranges
from morphsep.storage.clients import bucket_of, by_bucket, client
from morphsep.storage.refusals import attempted
from morphsep.storage.scratch import private_folder

PART = 48 << 20
"""Bytes of a part of an upload; what is no larger goes in one request. Each request has its price,
and its wait."""

PARTS_AT_ONCE = 2

T = TypeVar("T")


class Version(TypedDict, total=False):
    """Names one state of an object, as the store does (obstore's UpdateVersion)."""

    e_tag: str | None
    version: str | None


def _head(name: str) -> Any:
    import obstore

    store, key = client(name)
    return attempted(f"looking at {name}", lambda: obstore.head(store, key))


def exists(name: str) -> bool:
    try:
        _head(name)
    except FileNotFoundError:
        return False
    return True


def size(name: str) -> int:
    return int(_head(name)["size"])


def stamp(name: str) -> str | None:
    try:
        return listing.stamp_of(_head(name))
    except FileNotFoundError:
        return None


def full_stamps(names: Sequence[str]) -> list[str | None]:
    return listing.full_stamps(names)


def read(name: str) -> bytes:
    return ranges.read(name)[0]


def read_version(name: str) -> tuple[bytes, Version] | None:
    """An object and the version of it that this is; None if it is not there."""
    try:
        data, found = ranges.read(name)
    except FileNotFoundError:
        return None
    return data, _version(found)


def _version(found: Any) -> Version:
    version = Version()
    if found["e_tag"] is not None:
        version["e_tag"] = found["e_tag"]
    if found["version"] is not None:
        version["version"] = found["version"]
    return version


def swap(name: str, data: bytes, expected: Version | None) -> Version | None:
    """Writes an object if nobody else did meanwhile.

    Args:
        data: different for every writer and every time.
        expected: the version that is replaced; None: there is no such object yet.

    Returns:
        The new version; None if somebody else was faster.
    """
    import obstore
    from obstore.exceptions import AlreadyExistsError, PreconditionError

    interrupt.check_interrupt()
    store, key = client(name)

    def attempt() -> Version | None:
        try:
            return _version(obstore.put(store, key, data, mode=expected or "create"))
        except (AlreadyExistsError, PreconditionError):
            return None

    with contextlib.suppress(FileNotFoundError):  # what was to be replaced is gone
        written = attempted(f"writing {name}", attempt)
        if written is not None:
            return written
    # it may be ours after all: written by an earlier try whose answer was lost
    found = read_version(name)
    return found[1] if found is not None and found[0] == data else None


def create(name: str, data: bytes) -> bool:
    return swap(name, data, None) is not None


def write(name: str, data: bytes) -> None:
    _send(name, data, len(data))


def _send(name: str, source: bytes | Path, num_bytes: int) -> None:
    import obstore

    interrupt.check_interrupt()
    store, key = client(name, bulk=num_bytes > PART)

    def attempt() -> None:
        obstore.put(store, key, source, chunk_size=PART, max_concurrency=PARTS_AT_ONCE)

    attempted(f"writing {name}", lambda: _undisturbed(attempt))


def _undisturbed(work: Callable[[], T]) -> T:
    """Runs it in a thread, so that Ctrl-C is heard at once; what is under way is then finished."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="morphsep-upload")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def files_in(folder: str) -> list[str]:
    import obstore

    store, key = client(folder)
    found = attempted(
        f"listing {folder}", lambda: obstore.list_with_delimiter(store, key)["objects"]
    )
    return _uris(folder, found)


def files_below(folder: str) -> list[str]:
    import obstore

    store, key = client(folder)
    found = attempted(f"listing {folder}", lambda: obstore.list(store, key).collect())
    return _uris(folder, found)


def _uris(folder: str, found: Any) -> list[str]:
    return [f"{bucket_of(folder)}/{one['path']}" for one in found]


def remove(name: str) -> None:
    import obstore

    store, key = client(name)
    with contextlib.suppress(FileNotFoundError):
        attempted(f"removing {name}", lambda: obstore.delete(store, key))


def remove_tree(folder: str) -> None:
    remove_all(files_below(folder))


def remove_all(names: Sequence[str]) -> None:
    for inside in by_bucket(names).values():
        _remove_inside(inside)


def _remove_inside(names: Sequence[str]) -> None:
    """Objects in one bucket."""
    import obstore

    store, _ = client(names[0], bulk=True)
    keys = [client(name)[1] for name in names]
    try:
        attempted(f"removing {names[0]}", lambda: obstore.delete(store, keys))
    except FileNotFoundError:  # one was gone, and what follows it may still be there
        for name in names:
            remove(name)


def open(name: str) -> BinaryIO:
    return ranges.opened(name)


def open_header(name: str) -> BinaryIO:
    return cast(BinaryIO, ranges.HeaderFile(name))


@contextlib.contextmanager
def reading(name: str) -> Iterator[Path]:
    with _scratch(name) as path:
        fetch(name, path)
        yield path


@contextlib.contextmanager
def writing(name: str) -> Iterator[Path]:
    with _scratch(name) as path:
        yield path
        _send(name, path, path.stat().st_size)


def fetch(name: str, to: Path) -> None:
    ranges.download(name, to)


@contextlib.contextmanager
def _scratch(name: str) -> Iterator[Path]:
    """A path in a temporary folder of its own, with the name's suffix."""
    with private_folder() as folder:
        yield folder / f"file{os.path.splitext(name)[1]}"
