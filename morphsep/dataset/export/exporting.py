"""Writes a finished data set in another format, shard by shard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from morphsep.dataset.columns import AUDIO
from morphsep.dataset.export.form import Form, rows_of
from morphsep.dataset.export.lhotse import Lhotse
from morphsep.dataset.export.webdataset import WebDataset
from morphsep.dataset.joining import over_shards
from morphsep.dataset.lock import Lock, finished_lock, size_of
from morphsep.dataset.shards import Written
from morphsep.dataset.wanted import Running
from morphsep.errors import SettingError
from morphsep.run import Step, choose_executor
from morphsep.storage import TEMPORARY, Location, digest, digest_file
from morphsep.storage import lock as locked

EXPORTS: Mapping[str, type[Form]] = {"webdataset": WebDataset, "lhotse": Lhotse}
NOTE = "export.json"
"""Says what a folder is an export of, how many recordings had failed, and, once all is there, of
which files it consists."""
OWN = ".morphsep"
NOTES = f"{OWN}/exported"
"""Notes of shards that are written, below the export's folder."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What there is now."""

    rows: int
    files: Mapping[str, int]
    """Bytes of each, by their names below the folder."""
    failed: Sequence[str]
    """Recordings that failed, and are missing. Once they are mended and the data set is made again,
    it may be exported to the same folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """The files of one shard."""

    name: str
    """The shard's."""
    sizes: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Export:
    """What a worker does with a shard."""

    dataset: Location
    out: Location
    form: Form

    def __call__(self, shard: Written) -> list[_Files]:
        """Writes its files, each whole or not at all, unless all are there and of the sizes that
        they had when they were written.

        Raises:
            SettingError: the shard is not there, or is not as it was written.
            StorageError: the disk is full, or storage does not answer.
        """
        names, note = self.form.files(shard), _shard_note(self.out, shard)
        sizes = note.read_json() or {}
        if any(size_of(self.out / name) != sizes.get(name, -1) for name in names):
            self._write(shard, names)
            sizes = {name: (self.out / name).size() for name in names}
            note.write_json(sizes)
        return [_Files(name=shard.name, sizes=sizes)]

    def _write(self, shard: Written, names: Sequence[str]) -> None:
        with _reading(self.dataset, shard) as path, ExitStack() as stack:
            paths = [stack.enter_context((self.out / name).writing()) for name in names]
            self.form.write(rows_of(path), paths)


def export(dataset: Location, out: Location, name: str, running: Running) -> Exported:
    """Writes the rows of a finished data set in the format of another loader. The same call again
    writes what is missing or of another size.

    Args:
        name: of the format, one of `EXPORTS`.

    Raises:
        SettingError: an unknown format, no finished data set, one without sound or whose shards
            were changed, a folder that holds something else, an unknown executor.
        ShardsLostError: workers died over some.
        StorageError: storage or disk are at fault; the same command goes on.
    """
    if name not in EXPORTS:
        raise SettingError(f"there is no export {name!r}; possible: {', '.join(EXPORTS)}")
    lock = finished_lock(dataset)
    if not lock.sound:
        raise SettingError(
            f"{dataset} holds no sound; make it with morphsep generate SOURCES -o OUT --render "
            f"{dataset}, and export that"
        )
    running = replace(running, executor=choose_executor(running.executor, running.pool))
    note = _note(name, lock)
    with locked(out):
        _make_ready(out, note)
        (out / NOTE).write_json(note)
        work = _Export(dataset=dataset, out=out, form=EXPORTS[name](_sounds(dataset, lock)))
        step = Step(name="export", call=work)
        written: Iterator[_Files] = over_shards(step, lock.shards, running)
        files = dict(sorted(pair for each in written for pair in each.sizes.items()))
        _remove_others(out, lock, files)
        (out / NOTE).write_json(note | {"files": files})
    rows = sum(shard.rows for shard in lock.shards)
    return Exported(rows=rows, files=files, failed=list(lock.failed))


def _note(name: str, lock: Lock) -> dict[str, Any]:
    shards = digest(sorted((shard.name, shard.sha256) for shard in lock.shards))
    return {
        "version": 1, "format": name, "recipe": lock.recipe_key, "shards": shards,
        "failed": len(lock.failed),
    }  # fmt: skip


def _shard_note(out: Location, shard: Written) -> Location:
    """Says how large the files of a shard are once they are all written."""
    return out / NOTES / f"{digest(shard.name, shard.sha256)[:32]}.json"


def _make_ready(out: Location, note: Mapping[str, Any]) -> None:
    """Tidies the folder of an export.

    Raises:
        SettingError: the folder holds something else.
    """
    own = f"{out / OWN}/"
    there = [place for place in out.walk() if not place.text.startswith(own)]
    found = (out / NOTE).read_json()
    if found is None and there:
        raise SettingError(f"{out} holds something else; name an empty folder")
    if found is not None and not _goes_on(found, note):
        raise SettingError(f"{out} holds another export; name another folder")
    for place in there:  # a killed run's: lhotse reads whatever lies in a folder
        if fnmatch(place.name, TEMPORARY):
            place.remove()


def _goes_on(found: Mapping[str, Any], note: Mapping[str, Any]) -> bool:
    """Whether an export is of the same rows, or of the same data set when some of its recordings
    had failed."""
    same = ("version", "format", "recipe") if found.get("failed") else note
    return all(found.get(each, note[each]) == note[each] for each in same)


def _remove_others(out: Location, lock: Lock, files: Mapping[str, int]) -> None:
    """Removes the files of shards that are no longer those of the data set."""
    notes = {_shard_note(out, shard).text for shard in lock.shards}
    for note in (out / NOTES).children():
        if note.text not in notes:
            for name in (note.read_json() or {}).keys() - files.keys():
                (out / name).remove()
            note.remove()


@contextmanager
def _reading(dataset: Location, shard: Written) -> Iterator[Path]:
    """A local file with what a shard held when it was written.

    Raises:
        SettingError: it is not there, or was changed.
    """
    place = dataset / shard.name
    if not place.exists():
        raise SettingError(f"{place} is missing; make the data set again")
    with place.reading() as path:
        if digest_file(path) != shard.sha256:
            raise SettingError(f"{place} was changed since it was written")
        yield path


def _sounds(dataset: Location, lock: Lock) -> list[str]:
    """The columns of sound that the data set has."""
    import pyarrow.parquet as pq

    with _reading(dataset, lock.shards[0]) as path:
        names = pq.read_schema(path).names
    return [name for name in AUDIO if name in names]
