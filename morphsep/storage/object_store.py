"""Object stores through pyarrow.fs. `Location` is the door; nothing else comes here."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from morphsep.errors import SettingError
from morphsep.storage import interrupt
from morphsep.storage.faults import StorageError, patiently

SCHEMES = ("s3", "gs")

SMALL = 4 << 20
"""Bytes up to which an object is sent in one request."""

IN_FLIGHT = 64 << 20
"""Bytes of an upload that are under way at a time."""

T = TypeVar("T")


def filesystem(uri: str, uploads: bool = False) -> tuple[Any, str]:
    """(pyarrow's file system, the path in it) of a URI.

    Args:
        uploads: for files in several parts.

    Raises:
        RefusedError: there is no such bucket.
        StorageError: there is no way to it.
    """
    scheme, _, path = uri.partition("://")
    bucket = path.partition("/")[0]
    return _filesystem(scheme, bucket, _endpoint(), uploads, os.getpid()), path


def _endpoint() -> str:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""


@lru_cache(maxsize=64)
def _filesystem(scheme: str, bucket: str, endpoint: str, uploads: bool, pid: int) -> Any:
    # by process: the clients below do not survive a fork
    from pyarrow import fs

    if scheme == "gs":
        return fs.GcsFileSystem()
    return fs.S3FileSystem(
        **_place(bucket, endpoint),
        # trying again is ours, and counted; but a part of many is worth a try of its own
        retry_strategy=fs.AwsDefaultS3RetryStrategy(max_attempts=3 if uploads else 0),
        # one request for a small object. A large one must be begun at once: pyarrow 26 leaves an
        # empty object behind where that fails later, and a cut one where parts are not sent in
        # the background (tests/test_storage.py holds it to that)
        allow_delayed_open=not uploads,
        background_writes=True,
        connect_timeout=5,
        request_timeout=30,
    )


def _place(bucket: str, endpoint: str) -> dict[str, Any]:
    """What the environment says, read as other programs read it; pyarrow does the credentials."""
    options: dict[str, Any] = {}
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if endpoint:
        parts = urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}")
        options |= {"endpoint_override": parts.netloc + parts.path.rstrip("/")}
        options |= {"scheme": parts.scheme, "region": region or "us-east-1"}
    else:
        options["region"] = _region_of(bucket, region)
    certificates = os.environ.get("AWS_CA_BUNDLE")
    if certificates and Path(certificates).is_file():
        options["tls_ca_file_path"] = certificates
    return options


def _region_of(bucket: str, fallback: str | None) -> str:
    from pyarrow import fs

    try:
        return str(patiently(f"looking for s3://{bucket}", lambda: fs.resolve_s3_region(bucket)))
    except SettingError:
        raise
    except OSError as error:
        if fallback is None:
            raise StorageError(f"{error}; or set AWS_REGION") from error
        return fallback


def size(uri: str) -> int | None:
    """Bytes of a file; -1 for a folder, None if it is not there."""
    store, path = filesystem(uri)
    info = patiently(f"looking at {uri}", lambda: store.get_file_info(path))
    if info.type.name == "NotFound":
        return None
    return int(info.size) if info.type.name == "File" else -1


def stamp(uri: str) -> str | None:
    """Size and time of a file as a text; None if it is not there."""
    store, path = filesystem(uri)
    info = patiently(f"looking at {uri}", lambda: store.get_file_info(path))
    return f"{info.size}-{info.mtime_ns}" if info.type.name == "File" else None


def write(uri: str, data: bytes) -> None:
    """Makes an object of the data, whole or not at all; one request if it is small."""
    import pyarrow as pa

    interrupt.check_interrupt()
    buffer = pa.py_buffer(data)
    patiently(f"writing {uri}", lambda: _undisturbed(lambda: _send(uri, buffer)))


def upload(uri: str, source: Path) -> None:
    """Makes an object of a local file, whole or not at all."""
    import pyarrow as pa

    # mapped, because a read that fails half way must not end as a shorter object
    with pa.memory_map(str(source)) as file:
        buffer = file.read_buffer()
    interrupt.check_interrupt()
    patiently(f"writing {uri}", lambda: _undisturbed(lambda: _send(uri, buffer)))


def _send(uri: str, data: Any) -> None:
    store, path = filesystem(uri, uploads=data.size > SMALL)
    stream = store.open_output_stream(path)
    for start in range(0, data.size, IN_FLIGHT):
        if start:
            stream.flush()  # waits for what is under way: bounded memory
        stream.write(data.slice(start, min(IN_FLIGHT, data.size - start)))
    stream.close()


def _undisturbed(work: Callable[[], T]) -> T:
    """Runs it in a thread: an interrupt between two pieces would publish the pieces so far,
    because pyarrow's streams can be closed but not given up."""
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


def listed(uri: str, recursive: bool) -> list[str]:
    """URIs of the files below, in no order; none if there is no such folder."""
    from pyarrow import fs

    store, path = filesystem(uri)
    chosen = fs.FileSelector(path, allow_not_found=True, recursive=recursive)
    infos = patiently(f"listing {uri}", lambda: store.get_file_info(chosen))
    scheme = uri.partition("://")[0]
    return [f"{scheme}://{info.path}" for info in infos if info.type.name == "File"]


def remove(uri: str) -> None:
    """Removes an object; fine if it is not there."""
    store, path = filesystem(uri)

    def attempt() -> None:
        try:
            store.delete_file(path)
        except FileNotFoundError:
            return

    patiently(f"removing {uri}", attempt)


def remove_tree(uri: str) -> None:
    """Removes everything below; fine if there is nothing."""
    store, path = filesystem(uri)
    patiently(f"removing {uri}", lambda: store.delete_dir_contents(path, missing_dir_ok=True))
