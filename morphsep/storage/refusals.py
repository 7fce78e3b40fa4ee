"""Errors of object stores, in our own words: refused, not there, wrong, or passing."""

from __future__ import annotations

import contextlib
import errno
import re
from collections.abc import Callable, Iterator
from typing import TypeVar

from morphsep.errors import RefusedError
from morphsep.storage.faults import StorageError, patiently

T = TypeVar("T")


def attempted(what: str, operation: Callable[[], T]) -> T:
    """The result of a request, tried again while the store is at fault (see `patiently`).

    Raises:
        RefusedError: no permission, no such bucket, no credentials: at once.
        FileNotFoundError: there is no such object.
        StorageError: the store did not come back, or does not take such a request.
    """

    def attempt() -> T:
        with translated(what):
            return operation()

    return patiently(what, attempt)


@contextlib.contextmanager
def translated(what: str) -> Iterator[None]:
    """Raises what obstore raises as an error of ours; a ConnectionError is worth another try."""
    from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

    try:
        yield
    except (BaseError, FileNotFoundError) as error:
        text = _summary(error)
        if isinstance(error, (PermissionDeniedError, UnauthenticatedError)) or _REFUSED.search(
            text
        ):
            raise RefusedError(
                f"{what} was refused: {text}. Check the bucket's name, its region and the "
                "credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the "
                "machine's role); then run the same command again"
            ) from error
        if isinstance(error, FileNotFoundError) and "NoSuchUpload" not in text:
            raise FileNotFoundError(errno.ENOENT, f"{what}: it is not there") from error
        if _FINAL.search(text):
            raise StorageError(f"{what} failed and would again: {text}") from error
        raise ConnectionError(text) from error


def _summary(error: BaseException) -> str:
    """One line: what obstore says, without its own internals and the answer's XML."""
    text = str(error).partition("Debug source")[0]
    code = re.search(r"<Code>(\w+)</Code>(?:.*?<Message>(.*?)</Message>)?", text, re.DOTALL)
    said = f" {code[1]} {code[2] or ''}".rstrip() if code else ""
    return " ".join(text.partition("<?xml")[0].split()).rstrip(":") + said


_REFUSED = re.compile(
    r"NoSuchBucket|InvalidAccessKeyId|InvalidClientTokenId|SignatureDoesNotMatch|"
    r"UnrecognizedClient|ExpiredToken|InvalidToken|AuthorizationHeaderMalformed|"
    r"PermanentRedirect|redirect without LOCATION|status code: (?:301|401|403)\b|"
    r"bucket does not exist"
)

_FINAL = re.compile(r"status code: 4(?!04|08|09|29)\d\d\b|status code: 501\b")
"""Errors of a request, not of the store; but for too slow, in conflict and too many."""
