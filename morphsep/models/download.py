"""One URL becomes one complete, checked file, or none. All use of the network is in here."""

from __future__ import annotations

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
from typing import IO, Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

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


class _Redirects(HTTPRedirectHandler):
    """Keeps what the Hugging Face hub says of a file (its sha256) before it sends us elsewhere."""

    sha256: str | None = None

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        self.sha256 = self.sha256 or _linked_sha256(headers)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _linked_sha256(headers: Any) -> str | None:
    etag = (headers.get("X-Linked-Etag") or "").strip('"')
    return etag if len(etag) == 64 else None


def _open(url: str, headers: dict[str, str], timeout: float) -> tuple[Any, str | None]:
    """The response and the sha256 that the host promises, if it does."""
    if is_offline():
        raise DownloadError(f"{url} was not opened: offline is set.")
    redirects = _Redirects()
    opener = build_opener(redirects, HTTPSHandler(context=_certificates()))
    request = Request(url, headers={"User-Agent": "morphsep", **headers})
    response = opener.open(request, timeout=timeout)
    return response, redirects.sha256 or _linked_sha256(response.headers)


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    context = ssl.create_default_context()
    # Pythons from an installer come without certificates of the system; certifi fills the gap.
    with suppress(ImportError, OSError):
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def first_reachable(urls: Iterable[str], timeout: float = 10.0) -> str | None:
    """The first of `urls` that answers with its file within `timeout` seconds, else None.

    Asked side by side from threads that nobody waits for: a resolver without a network can hang
    for longer than any timeout of a socket.
    """
    answers: SimpleQueue[str | None] = SimpleQueue()
    wanted = list(urls)
    for url in wanted:
        Thread(target=_probe, args=(url, timeout, answers), daemon=True).start()
    deadline = time.monotonic() + timeout
    for _ in wanted:
        with suppress(Empty):
            answer = answers.get(timeout=max(0.0, deadline - time.monotonic()))
            if answer is not None:
                return answer
    return None


def _probe(url: str, timeout: float, answers: SimpleQueue[str | None]) -> None:
    answer = None
    try:
        response, _ = _open(url, {"Range": "bytes=0-0"}, timeout)
        response.close()
        answer = url
    except (OSError, http.client.HTTPException, ValueError) as error:
        logger.debug("%s does not answer: %s", url, error)
    finally:
        answers.put(answer)


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
    promised = _persist(url, target, progress)
    actual = sha256_of(target)
    for expected in filter(None, (sha256, promised)):
        if not actual.startswith(expected):
            raise DownloadError(f"{url} has checksum {actual}, expected {expected}: not kept.")
    return actual


def _persist(url: str, part: Path, progress: Progress | None) -> str | None:
    version: str | None = None
    for attempt in range(ATTEMPTS):
        try:
            response, promised = _open(url, _resume(part, version), SOCKET_TIMEOUT)
            version = response.headers.get("ETag")
            with response:
                _append(response, part, progress)
            return promised
        except HTTPError as error:
            if error.code < 500:
                raise DownloadError(f"{url} answers {error.code} {error.reason}.") from error
            reason: Exception = error
        except (OSError, http.client.HTTPException) as error:
            if getattr(error, "errno", None) == 28:  # ENOSPC
                raise DownloadError(
                    f"The disk is full: {part.parent} cannot hold {url}."
                ) from error
            reason = error
        logger.debug("%s: attempt %d: %s", url, attempt + 1, reason)
        if attempt + 1 < ATTEMPTS:
            time.sleep(0.25 * 2**attempt)
    raise DownloadError(f"{url} did not arrive after {ATTEMPTS} attempts: {reason}.") from reason


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
