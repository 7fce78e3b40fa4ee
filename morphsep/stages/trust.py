"""Whether a track of an earlier run is still done: by its files' stamps alone, or by their content.

A row says how the files that it speaks of looked when they were read or written. As long as they
look the same it is believed, and none of them is opened. Where they do not, or the row says nothing
of it (an older version's), they are read and compared with the row's digests, and then get stamps.
A file that was changed behind the system's back keeps its stamp: finding that is what `morphsep
verify` is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from morphsep import storage
from morphsep.errors import SettingError
from morphsep.manifest import TrackRow, files_column, files_of
from morphsep.morphing import build
from morphsep.request import Command, Job
from morphsep.stages import scanning
from morphsep.stages.track_state import own_stem_path
from morphsep.storage import Location, full_stamps, location

Stamped = tuple[Location, str | None]
"""A file, and how it looked."""
Result = tuple[Location, str | None, str | None, str]
"""Place, digest and stamp of a result, and the stamp's column; empty for one of `files`."""


def as_read(stamp: str | None) -> str | None:
    """An input's stamp, for the row: another version of reading may find other sound in it."""
    return stamp and f"{scanning.VERSION}:{stamp}"


def by_stamps(
    rows: Sequence[TrackRow], jobs: Sequence[Job], out: Location, command: Command
) -> list[bool]:
    """Whether each row still says what its job would come to, as far as stamps tell.

    Raises:
        StorageError: the storage stays away.
    """
    wanted = [_files(row, job, out, command) for row, job in zip(rows, jobs, strict=True)]
    found = iter(full_stamps([place for files in wanted for place, _ in files]))
    same = [[next(found) == stamp for _, stamp in files] for files in wanted]
    return [bool(each) and all(each) for each in same]


def _files(row: TrackRow, job: Job, out: Location, command: Command) -> Sequence[Stamped]:
    """What has to look as it did for the row to be believed; none if it is not to be."""
    if row.status != "ok" or row.input != job.path or not row.content_hash:
        return ()
    recipe = build(job.settings)
    stem_key = recipe.stem_key(row.content_hash, row.own_stem_hash or "")
    if job.refusal or row.key != recipe.key(stem_key, command):
        return ()
    before, _, stamp = (row.input_stamp or "").partition(":")
    files = [(location(job.path), stamp if before == str(scanning.VERSION) else None)]
    if (own_stem := own_stem_path(job)) is not None:
        files.append((location(own_stem), row.own_stem_stamp))
    try:
        files += [(place, stamp) for place, _, stamp, _ in _results(row, out)]
    except SettingError:  # a row that somebody has edited
        return ()
    return files if all(stamp for _, stamp in files) else ()


def by_content(row: TrackRow, out: Location) -> TrackRow | None:
    """The row with the stamps of its results as they lie there; None if one is missing, or is not
    what the row says."""
    stamps: dict[str, Any] = {}
    files: list[str | None] = []
    try:
        for place, digest, _, column in _results(row, out):
            stamp = place.full_stamp()
            with place.reading() as path:
                if storage.digest_file(path) != digest:
                    return None
            if column:
                stamps[column] = stamp
            else:
                files.append(stamp)
    except (FileNotFoundError, IsADirectoryError, SettingError):
        return None
    if files:
        stamps["files"] = files_column(
            replace(file, stamp=stamp) for file, stamp in zip(files_of(row), files, strict=True)
        )
    return replace(row, **stamps)


def _results(row: TrackRow, out: Location) -> Iterator[Result]:
    """The files that a row says there are.

    Raises:
        SettingError: one is not in the output folder at all.
    """
    if row.output is not None:
        yield out / row.output, row.output_hash, row.output_stamp, "output_stamp"
    if row.backing is not None:
        yield out / row.backing, row.backing_hash, row.backing_stamp, "backing_stamp"
    for file in files_of(row):
        yield out / file.path, file.sha256, file.stamp, ""
