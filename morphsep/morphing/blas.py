"""One thread for BLAS while chunks are measured and morphed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


class _Limit:
    """The limit is the process's: of several that hold it, in whatever threads, the first one sets
    it and the last one gives the threads back."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._holders = 0
        self._set = ExitStack()

    @contextmanager
    def held(self) -> Iterator[None]:
        with self._lock:
            if self._holders == 0:
                loaded = _libraries(len(sys.modules))
                self._set.enter_context(loaded.limit(limits=1, user_api="blas"))
            self._holders += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
                if self._holders == 0:
                    self._set.close()


@lru_cache(maxsize=1)
def _libraries(num_modules: int) -> ThreadpoolController:
    """The libraries that are loaded. Looking for them takes milliseconds, so it is done again only
    when modules have been imported since: it is these that bring libraries."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


_LIMIT = _Limit()


def one_blas_thread() -> AbstractContextManager[None]:
    """Keeps BLAS from using threads, for as long as the context lasts. A chunk's matrices are so
    small that threads slow them down, by a factor of eight where other processes share the
    cores."""
    return _LIMIT.held()
