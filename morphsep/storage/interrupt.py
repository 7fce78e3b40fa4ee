"""Ctrl-C that nothing swallows.

Python raises KeyboardInterrupt wherever the main thread happens to be. In a function that C code
calls back (libsndfile reading a file of ours, a finaliser) it is printed and dropped: the C code
then sees a short file, and its error looks like the file's fault. So the interrupt is remembered
as well, and once there was one the main thread writes no further file.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

_remembered = False  # no lock: a second Ctrl-C may come while the first is being remembered


@contextlib.contextmanager
def interrupts_remembered() -> Iterator[None]:
    """For as long as this lasts Ctrl-C is remembered, where it does what Python makes it do.

    Elsewhere (a thread, a program that handles SIGINT its own way, an outer call of this)
    nothing is changed.
    """
    global _remembered
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return

    def remember(number: int, frame: FrameType | None) -> None:
        global _remembered
        _remembered = True
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _remembered = False


@contextlib.contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """For as long as this lasts SIGTERM (`kill`, `ray job stop`) does what Ctrl-C does: workers are
    ended, notes are written, and Ray prints no stack trace of its own. Not in a thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        on_interrupt = signal.getsignal(signal.SIGINT)
        if not callable(on_interrupt):  # a shell's background jobs ignore Ctrl-C
            raise KeyboardInterrupt
        on_interrupt(signal.SIGINT, frame)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def was_interrupted() -> bool:
    """Whether there was a Ctrl-C that is remembered."""
    return _remembered


def check_interrupt() -> None:
    """Called before anything is written for good.

    Raises:
        KeyboardInterrupt: there was a Ctrl-C. Only in the main thread: it tells the others.
    """
    if _remembered and threading.current_thread() is threading.main_thread():
        raise KeyboardInterrupt
