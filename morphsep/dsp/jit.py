"""Loops over samples, compiled: what a sample becomes depends on the one before it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any, ParamSpec
from unittest.mock import patch

import numpy as np

P = ParamSpec("P")
_LOCK = Lock()


def compiled(function: Callable[P, None]) -> Callable[P, None]:
    """A function of arrays and numbers as machine code, made at its first call and kept on disk.

    Numba rounds as numpy does: neither the processor nor a vector's width changes a result. What it
    keeps is told apart by the types of the arguments, and two processes that write two types at
    once may mix them up: so there is one, as arrays come in one layout, and a folder for each kind
    of processor. What cannot be kept or read again is compiled anew.
    """
    native: list[Callable[..., None]] = []

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        assert not kwargs
        alike = [_alike(each) for each in args]
        if not native:
            with _LOCK:
                if not native:
                    native.append(_checked(function, alike))
        native[0](*alike)

    return call


def _alike(value: Any) -> Any:
    """An array in the one layout that there is: C order, writeable."""
    return np.require(value, None, ("C", "W")) if isinstance(value, np.ndarray) else value


def _checked(function: Callable[P, None], args: list[Any]) -> Any:
    """The function compiled for such arguments, from the disk or for it if that works."""
    numba: Any = import_module("numba")  # it has hints for some of its functions only
    types = tuple(numba.typeof(each) for each in args)
    for on_disk in (True, False):
        try:
            dispatcher = _dispatcher(function, on_disk)
            dispatcher.compile(types)
        except Exception:  # a full disk, a cut off file, no folder that can be written
            if not on_disk:
                raise
        else:
            return dispatcher
    raise AssertionError


def _dispatcher(function: Callable[P, None], on_disk: bool) -> Any:
    import numba
    from numba.core.registry import cpu_target

    processor = repr(cpu_target.target_context.codegen().magic_tuple())
    digest = hashlib.sha256(processor.encode()).hexdigest()[:12]
    folder = Path(function.__code__.co_filename).parent / "__pycache__" / f"numba-{digest}"
    with patch.object(numba.config, "CACHE_DIR", str(folder)):
        return numba.njit(cache=on_disk, nogil=True, error_model="numpy")(function)
