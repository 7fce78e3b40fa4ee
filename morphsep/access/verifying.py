"""Finished access copies, checked again: do they still add up?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from morphsep import audio, storage
from morphsep.access.checking import missed
from morphsep.access.from_rows import copy_of
from morphsep.access.together import left_over
from morphsep.errors import SettingError, TrackError
from morphsep.manifest import StepRow, TrackRow, files_of
from morphsep.storage import Location


def findings(
    out: Location, row: TrackRow, steps: Sequence[StepRow], scratch: Path
) -> Iterator[tuple[int, str]]:
    """(promise, message) of what does not hold of an access copy whose file is there.

    Args:
        scratch: a folder for copies of its master.

    Raises:
        StorageError: the storage does not answer.
    """
    if row.steps != ",".join(step.step for step in steps):
        yield 6, f"its steps are {row.steps or 'none'}, and there are rows of {len(steps)}"
        return
    for place in left_over(out, row):
        yield 7, f"{place.name} lies beside it, and is of no step that it has; remove it"
    lost = list(_lost(out, row))
    yield from lost
    if lost:
        return
    try:
        copy = copy_of(out, row, steps, scratch)
        assert copy is not None
        with (out / copy.track).reading() as path:
            if (at := missed(copy, path)) is not None:
                yield 2, f"it is not its master and the differences, from {at:.0f} s on"
            yield from ((1, text) for text in audio.missing_tags(copy.master.local, str(path)))
    except TrackError as error:
        yield 1, f"master and access copy cannot be compared: {error.message}"


def _lost(out: Location, row: TrackRow) -> Iterator[tuple[int, str]]:
    for file in files_of(row):
        try:
            with (out / file.path).reading() as path:
                if storage.digest_file(path) != file.sha256:
                    yield 7, f"{file.path} is not the file that was written"
        except (FileNotFoundError, IsADirectoryError):
            yield 7, f"{file.path} is not there"
        except SettingError as error:
            yield 7, str(error)
