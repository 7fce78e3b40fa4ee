"""An access copy and what lies beside it: files that appear together, and those left over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from morphsep.access.reporting import names_beside
from morphsep.manifest import TrackRow, files_of
from morphsep.storage import Location

New = Callable[[str], Path]
"""``new(name)``: a path on this machine to write the file of this name to."""


@contextmanager
def together(out: Location) -> Iterator[New]:
    """Files of a folder that appear one right after another when all of them are whole; none after
    an exception. What was opened first comes last.

    A process that is killed in between leaves files that are not what the track's row says: the
    same command makes them anew, and `findings` names them.
    """
    with ExitStack() as stack:
        yield lambda name: stack.enter_context((out / name).writing())


def left_over(out: Location, row: TrackRow) -> Iterator[Location]:
    """Files beside an access copy that its row does not know: of steps that it no longer has."""
    known = {file.path for file in files_of(row)}
    for name in names_beside(row.track):
        if name not in known and (out / name).exists():
            yield out / name


def remove_left_over(out: Location, row: TrackRow) -> None:
    """Removes these, once the row is committed."""
    for place in left_over(out, row):
        place.remove()
