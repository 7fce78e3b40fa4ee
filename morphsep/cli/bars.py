"""Progress bars on standard error (rich), which go away at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn


@contextmanager
def bars(quiet: bool, *columns: ProgressColumn) -> Iterator[Progress]:
    """Bars for as long as the context lasts, with rich's own columns unless told; nothing is shown
    if `quiet`, or if there is no terminal to show it."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    off = quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=off) as shown:
        yield shown


def timed() -> tuple[ProgressColumn, ...]:
    """Columns: what is done, the bar, the time it took and what is left of it."""
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    text = TextColumn("{task.description}")
    return text, BarColumn(), TimeElapsedColumn(), TimeRemainingColumn()
