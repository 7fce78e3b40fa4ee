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
from morphsep.dataset.joining import ShardsLostError
from morphsep.dataset.lock import Lock, finished_lock
from morphsep.dataset.shards import Written
from morphsep.dataset.wanted import Running
from morphsep.errors import SettingError
from morphsep.run import Step, choose_executor, get_executor
from morphsep.storage import TEMPORARY, Location, digest, digest_file
from morphsep.storage import lock as locked

EXPORTS: Mapping[str, type[Form]] = {"webdataset": WebDataset, "lhotse": Lhotse}
NOTE = "export.json"
"""Says what a folder is an export of, and which files it consists of once they are all there."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What there is now."""

    rows: int
    files: Mapping[str, int]
    """Bytes of each, by their names below the folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """The files of one shard."""

    shard: str
    sizes: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Export:
    """What a worker does with a shard."""

    dataset: Location
    out: Location
    form: Form

    def __call__(self, shard: Written) -> list[_Files]:
        """Writes its files, each whole or not at all, unless they are all there.

        Raises:
            SettingError: the shard is not there, or is not as it was written.
            StorageError: the disk is full, or storage does not answer.
        """
        names = self.form.files(shard)
        if not all((self.out / name).exists() for name in names):
            self._write(shard, names)
        sizes = {name: (self.out / name).size() for name in names}
        return [_Files(shard=shard.name, sizes=sizes)]

    def _write(self, shard: Written, names: Sequence[str]) -> None:
        with _reading(self.dataset, shard) as path, ExitStack() as stack:
            paths = [stack.enter_context((self.out / name).writing()) for name in names]
            self.form.write(rows_of(path), paths)


def export(dataset: Location, out: Location, name: str, running: Running) -> Exported:
    """Writes the rows of a finished data set in the format of another loader. The same call again
    writes what is missing.

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
    note = _note(name, lock)
    with locked(out):
        _make_ready(out, note)
        (out / NOTE).write_json(note)
        work = _Export(dataset=dataset, out=out, form=EXPORTS[name](_sounds(dataset, lock)))
        files = dict(sorted(_written(lock.shards, work, running)))
        (out / NOTE).write_json(note | {"files": files})
    return Exported(rows=sum(shard.rows for shard in lock.shards), files=files)


def _note(name: str, lock: Lock) -> dict[str, Any]:
    shards = digest(sorted((shard.name, shard.sha256) for shard in lock.shards))
    return {"version": 1, "format": name, "shards": shards}


def _make_ready(out: Location, note: Mapping[str, Any]) -> None:
    """Tidies the folder of an export.

    Raises:
        SettingError: the folder holds something else.
    """
    there = [place for place in out.walk() if place.parent != out / ".morphsep"]
    found = (out / NOTE).read_json()
    if found is None and there:
        raise SettingError(f"{out} holds something else; name an empty folder")
    if found is not None and {each: found.get(each) for each in note} != note:
        raise SettingError(f"{out} holds another export; name another folder")
    for place in there:  # a killed run's: lhotse reads whatever lies in a folder
        if fnmatch(place.name, TEMPORARY):
            place.remove()


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


def _written(
    shards: Sequence[Written], work: _Export, running: Running
) -> Iterator[tuple[str, int]]:
    """
    Raises:
        ShardsLostError: workers died over some.
    """
    missing = {shard.name for shard in shards}
    executor = choose_executor(running.executor, running.pool)
    pool = running.pool
    if executor == "local":
        pool = replace(pool, max_workers=1)  # copying is the disk's work
    for each in get_executor(executor)([Step(name="export", call=work)], list(shards), pool):
        missing.discard(each.shard)
        yield from each.sizes.items()
    if missing:
        raise ShardsLostError(f"not written: {', '.join(sorted(missing))}; run the command again")
