"""What the C library does with memory that is given back."""

from __future__ import annotations

from functools import cache

MMAP_THRESHOLD = -3
TRIM_THRESHOLD = -1
LARGEST = 32 << 20
"""Bytes of the largest array that comes from the heap: the most that glibc allows."""
KEPT = 64 << 20
"""Bytes at the heap's end from which on they go back to the system."""


@cache
def keep_freed_memory() -> None:
    """Use memory again instead of giving it back to the system, with glibc; elsewhere nothing.

    Left alone, glibc returns an array of some MB as soon as it is freed, and the system clears
    each of its pages again for the next one: a tenth of what a chain of effects takes
    (docs/explanation/history-of-attempts.md).
    """
    import ctypes
    import sys

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, LARGEST)
        mallopt(TRIM_THRESHOLD, KEPT)
