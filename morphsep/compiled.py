"""Loops over samples, compiled: what a sample becomes depends on the one before it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec

P = ParamSpec("P")


def compiled(function: Callable[P, None]) -> Callable[P, None]:
    """A function of arrays and numbers as machine code, made at its first call and kept on disk.

    Numba rounds as numpy does: neither the processor nor a vector's width changes a result.
    """

    @cache
    def native() -> Callable[P, None]:
        try:
            return _compiled(function, on_disk=True)
        except RuntimeError:  # neither the package's folder nor the user's can be written
            return _compiled(function, on_disk=False)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        native()(*args, **kwargs)

    return call


def _compiled(function: Callable[P, None], on_disk: bool) -> Callable[P, None]:
    import numba

    return numba.njit(cache=on_disk, nogil=True, error_model="numpy")(function)
