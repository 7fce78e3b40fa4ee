"""One URL becomes one complete, checked file, or none: for mirrors and demucs' own site.

Files of the Hugging Face hub come by its own library: see `hub`. Why no library here: pooch starts
again from the first byte when a connection breaks, and knows no checksum's first digits alone.
"""

from __future__ import annotations

import errno
import http.client
import logging
import os
import ssl
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPSHandler, Request, build_opener

from morphsep.errors import SettingError
from morphsep.models.checksums import sha256_of

BLOCK = 1 << 20
"""Bytes taken from the network at a time, at most."""

Progress = Callable[[int, int | None], None]
"""Called with bytes so far and bytes in all (None where the host does not say)."""

ATTEMPTS = 4
SOCKET_TIMEOUT = 10.0

logger = logging.getLogger("morphsep")


class DownloadError(SettingError):
    """A file could not be had; what is on disk is as it was."""


def is_offline(offline: bool = False) -> bool:
    """Whether the network is forbidden: by the caller, MORPHSEP_OFFLINE or HF_HUB_OFFLINE."""
    names = ("MORPHSEP_OFFLINE", "HF_HUB_OFFLINE")
    return offline or any(os.environ.get(name, "0").lower() not in _OFF for name in names)


_OFF = ("", "0", "false", "no", "off")


def _open(url: str, headers: dict[str, str], timeout: float) -> Any:
    if is_offline():
        raise DownloadError(f"{url} was not opened: offline is set.")
    opener = build_opener(HTTPSHandler(context=_certificates()))
    request = Request(url, headers={"User-Agent": "morphsep", **headers})
    return opener.open(request, timeout=timeout)


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    context = ssl.create_default_context()
    # Pythons from an installer come without certificates of the system; certifi fills the gap.
    import certifi

    with suppress(OSError):
        context.load_verify_locations(certifi.where())
    return context


def any_answers(probes: Iterable[Callable[[], None]], timeout: float = 10.0) -> bool:
    """Whether one of the probes returns within `timeout` seconds without an exception.

    They run side by side in threads that nobody waits for: a resolver without a network can hang
    for longer than any timeout of a socket.
    """
    answers: SimpleQueue[bool] = SimpleQueue()
    wanted = list(probes)
    for probe in wanted:
        Thread(target=_try, args=(probe, answers), daemon=True).start()
    deadline = time.monotonic() + timeout
    for _ in wanted:
        with suppress(Empty):
            if answers.get(timeout=max(0.0, deadline - time.monotonic())):
                return True
    return False


def _try(probe: Callable[[], None], answers: SimpleQueue[bool]) -> None:
    answered = False
    try:
        probe()
        answered = True
    except Exception as error:  # whatever it is, this host has not answered
        logger.debug("no answer: %s", error)
    finally:
        answers.put(answered)


def probe_url(url: str, timeout: float) -> None:
    """Raises an exception if the host does not have this file or does not answer in time."""
    _open(url, {"Range": "bytes=0-0"}, timeout).close()


def download(url: str, target: Path, *, sha256: str = "", progress: Progress | None = None) -> str:
    """Bring `url` to `target`; return its sha256.

    `target` is a place beside the final one: the caller renames it, and removes it after an error.
    A connection that breaks is taken up where it broke. One process at a time: the caller holds a
    lock.

    Args:
        sha256: the checksum, or its first digits, if known beforehand.

    Raises:
        DownloadError: it is not there, does not come, or is not what it should be.
    """
    target.unlink(missing_ok=True)
    _persist(url, target, progress)
    return matching(url, sha256_of(target), (sha256,))


def matching(url: str, actual: str, expected: Iterable[str]) -> str:
    """The checksum of what came from `url`.

    Args:
        expected: what it must be or begin with; empty where nothing is known.

    Raises:
        DownloadError: it is another.
    """
    for known in expected:
        if not actual.startswith(known):
            raise DownloadError(f"{url} has checksum {actual}, expected {known}: not kept.")
    return actual


def _persist(url: str, part: Path, progress: Progress | None) -> None:
    """Try again, from where it broke, until the file is whole."""
    version: str | None = None
    for attempt in range(1, ATTEMPTS + 1):
        try:
            response = _open(url, _resume(part, version), SOCKET_TIMEOUT)
            version = response.headers.get("ETag")
            with response:
                _append(response, part, progress)
            return
        except (OSError, http.client.HTTPException) as error:
            _refuse_lasting(error, url, part.parent)
            logger.debug("%s: attempt %d: %s", url, attempt, error)
            if attempt == ATTEMPTS:
                raise DownloadError(
                    f"{url} did not arrive after {ATTEMPTS} attempts: {error}."
                ) from error
        time.sleep(0.25 * 2 ** (attempt - 1))


def _refuse_lasting(error: Exception, url: str, folder: Path) -> None:
    """Raises DownloadError for what another attempt does not mend."""
    if isinstance(error, HTTPError) and error.code < 500:
        raise DownloadError(f"{url} answers {error.code} {error.reason}.") from error
    if getattr(error, "errno", None) == errno.ENOSPC:
        raise DownloadError(f"The disk is full: {folder} cannot hold {url}.") from error


def _resume(part: Path, version: str | None) -> dict[str, str]:
    """Ask for the rest only where the host can tell whether it is the rest of the same file."""
    size = part.stat().st_size if part.exists() else 0
    return {"Range": f"bytes={size}-", "If-Range": version} if size and version else {}


def _append(response: Any, part: Path, progress: Progress | None) -> None:
    resumed = getattr(response, "status", 200) == 206
    done = part.stat().st_size if resumed else 0
    length = response.headers.get("Content-Length")
    total = None if length is None else done + int(length)
    with part.open("ab" if resumed else "wb") as file:
        while block := response.read1(BLOCK):
            file.write(block)
            done += len(block)
            if progress is not None:
                progress(done, total)
    if total is not None and done != total:
        raise ConnectionError(f"it ended after {done} of {total} bytes")
