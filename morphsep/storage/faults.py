"""Storage that fails for a while: what is tried again, how often, and what is said in the end.

Every operation that goes through here is idempotent, so that trying again is harmless.
"""

from __future__ import annotations

import errno
import logging
import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from morphsep.errors import MorphsepError

ATTEMPTS = 12
"""Times that an operation is tried: half a minute of waiting in all, at the least."""

FIRST_DELAY = 0.2
LONGEST_DELAY = 5.0
"""Seconds; the delay doubles in between."""

PATIENCE = 120.0
"""Seconds after which nothing is tried again, however slowly the storage failed."""

T = TypeVar("T")
_count = threading.local()
logger = logging.getLogger("morphsep")


class StorageError(MorphsepError, OSError):
    """Storage failed for longer than we wait. The same command goes on where this one stopped."""


def retries() -> int:
    """How many operations this thread had to try again so far; it only grows."""
    return int(getattr(_count, "value", 0))


def patiently(what: str, operation: Callable[[], T]) -> T:
    """The operation's result, tried again with growing delays while the storage is at fault.

    Args:
        what: for messages, as in "reading s3://bucket/key".

    Raises:
        StorageError: the storage did not come back.
        OSError: what is not the storage's fault (not there, disk full).
    """
    began = time.monotonic()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return operation()
        except OSError as error:
            _raise_if_final(error)
            if attempt == ATTEMPTS or time.monotonic() - began > PATIENCE:
                raise StorageError(
                    f"{what} failed {attempt} times in {time.monotonic() - began:.0f} s, the last "
                    f"time with: {error}. See whether the storage can be reached; then run the "
                    "same command again, it goes on where this one stopped"
                ) from error
            _count.value = retries() + 1
            logger.warning("%s failed (%s); trying again", what, error)
        time.sleep(_delay(attempt))
    raise AssertionError


def is_transient(error: BaseException) -> bool:
    """Whether an error is the storage's, and may be gone in a while."""
    if isinstance(error, (StorageError, ConnectionError, TimeoutError)):
        return True
    return isinstance(error, OSError) and error.errno in _PASSING


def _delay(attempt: int) -> float:
    """Seconds; at random, so that many workers do not come back at the same moment."""
    delay = min(FIRST_DELAY * 2 ** (attempt - 1), LONGEST_DELAY)
    return float(delay * random.uniform(0.75, 1.25))


def _raise_if_final(error: OSError) -> None:
    """Raises what trying again cannot change."""
    if isinstance(error, (StorageError, FileNotFoundError)):
        raise error
    if error.errno is not None and error.errno not in _PASSING:
        raise error


_PASSING = frozenset(
    getattr(errno, name)
    for name in (
        *("EIO", "ESTALE", "ETIMEDOUT", "EAGAIN", "EINTR", "ENOTCONN", "ECONNRESET", "EPIPE"),
        *("ECONNREFUSED", "ECONNABORTED", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH"),
        *("ENETRESET", "EREMOTEIO", "ENOLINK", "EBUSY"),
    )
    if hasattr(errno, name)
)
"""What a network file system says of a server that is away."""
