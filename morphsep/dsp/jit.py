"""Loops over samples, compiled: what a sample becomes depends on the one before it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any, ParamSpec

import numpy as np
import numpy.typing as npt

P = ParamSpec("P")
_LOCK = Lock()
_PATIENCE = 60.0
"""Seconds to wait for another process that compiles the same function."""


def compiled(function: Callable[P, None]) -> Callable[P, None]:
    """A function of arrays and numbers as machine code, made at its first call and kept on disk.

    Arrays may have any strides and may be read-only: the code always sees them in C order, and
    what it writes ends up in the arrays that were given. Numba rounds as numpy does: neither the
    processor nor the width of its vectors changes a result. Numba decides where its code is kept
    (``__pycache__`` or the user's cache folder); what cannot be kept or read is compiled anew.

    Raises:
        ValueError: the function has written to an array that is read-only.
    """
    ready: dict[tuple[Any, ...], Callable[..., None]] = {}

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        assert not kwargs
        plain = args if all(map(_is_plain, args)) else _copied(args)
        kinds = tuple(map(_kind, plain))
        if kinds not in ready:
            with _LOCK:
                if kinds not in ready:
                    ready[kinds] = _machine_code(function, plain)
        ready[kinds](*plain)
        if plain is not args:
            for given, used in zip(args, plain, strict=True):
                if used is not given:
                    _write_back(given, used)

    return call


def _is_plain(value: Any) -> bool:
    """Whether it is no array, or one in C order, aligned and writeable."""
    return not isinstance(value, np.ndarray) or value.flags.carray


def _copied(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """With copies of the arrays that are not plain; one that is given twice has one copy."""
    copies = {
        id(each): each if _is_plain(each) else np.require(each, None, ("C", "A", "W"))
        for each in args
    }
    return tuple(copies[id(each)] for each in args)


def _kind(value: Any) -> Any:
    """What numba's type of a plain argument depends on."""
    return (value.dtype, value.ndim) if isinstance(value, np.ndarray) else type(value)


def _write_back(given: Any, used: npt.NDArray[Any]) -> None:
    """Put what was written to the copy into the array itself."""
    if given.flags.writeable:
        given[...] = used
    elif not np.array_equal(given, used, equal_nan=True):
        raise ValueError("a compiled function writes to an array that is read-only")


def _machine_code(function: Callable[P, None], args: tuple[Any, ...]) -> Callable[..., None]:
    """The function compiled for such arguments: kept on disk, or only here if that fails."""
    numba: Any = import_module("numba")  # it has hints for some of its functions only
    types = tuple(numba.typeof(each) for each in args)
    for on_disk in (True, False):
        try:
            dispatcher = numba.njit(cache=on_disk, nogil=True, error_model="numpy")(function)
            with _alone(dispatcher.stats.cache_path, function.__name__):
                dispatcher.compile(types)
        except Exception:  # a full disk, a cut off file, no folder that can be written, no locks
            if not on_disk:
                raise
        else:
            code: Callable[..., None] = dispatcher
            return code
    raise AssertionError


def _alone(folder: str | None, name: str) -> AbstractContextManager[object]:
    """Keep other processes out while code is read from or written to the folder.

    Numba numbers its files by what its index lists: two processes that add to one index at the same
    time may swap their files, and one of them is for another type or another processor.
    """
    if folder is None:
        return nullcontext()
    from filelock import FileLock

    return FileLock(Path(folder) / f"{name}.lock", timeout=_PATIENCE)
