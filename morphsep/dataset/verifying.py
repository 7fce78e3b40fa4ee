"""``morphsep verify DATASET``: files against the lock, and some sources rendered again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from morphsep import manifest, pipelines
from morphsep.dataset.columns import AUDIO
from morphsep.dataset.joining import done_sources
from morphsep.dataset.lock import RECIPE, Lock, finished_lock, read_lock
from morphsep.dataset.parts import Parts
from morphsep.dataset.recipe import DataRecipe, parse_recipe
from morphsep.dataset.render import Render
from morphsep.dataset.tone_files import TONES, ToneFiles
from morphsep.dataset.wanted import Running
from morphsep.errors import SettingError
from morphsep.manifest import TrackRow
from morphsep.request import Job, parse_settings
from morphsep.run import run
from morphsep.stages import Workspace
from morphsep.storage import Location, digest, digest_file

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLE = 3
"""Sources that are rendered again."""
ROWS = 500
"""Rows of a shard that are read at once."""
MARK = np.dtype([("name", "<u8"), ("sound", "<u8")])
NOT_COMPARED = (*AUDIO, "versions")
"""What a row's digests stand for, and what may differ."""

Row = dict[str, object]


def is_dataset(out: Location) -> bool:
    """Whether a folder holds a data set.

    Raises:
        SettingError: its lock cannot be read.
    """
    return read_lock(out) is not None


def verify(out: Location, running: Running, sample: int = SAMPLE) -> tuple[int, list[str]]:
    """(sources that were rendered again, what is wrong, in sentences).

    Args:
        sample: how many sources are rendered again at most: those whose names come first when they
            are hashed. They have to be where they were.

    Raises:
        SettingError: the folder holds no data set, or an unfinished one.
        StorageError: storage does not answer.
    """
    lock = finished_lock(out)
    rows = manifest.read_tracks(out, lock.sources.keys())  # others' were given up with --new
    findings = [*_of_files(out, lock), *_of_manifest(lock, rows), *_of_recipe(out, lock)]
    if findings:
        return 0, findings
    done = [row for row in rows if row.status == "ok"]
    chosen = sorted(done, key=lambda row: digest("verify", row.track))[:sample]
    return len(chosen), list(_of_rows(out, lock, chosen, running))


def recipe_of(out: Location) -> tuple[DataRecipe, str]:
    """The recipe of a data set, with the tones that lie there, and its text.

    Raises:
        SettingError: the folder holds no data set, or an unfinished one; recipe or tones were
            changed.
    """
    lock = finished_lock(out)
    try:
        text = (out / RECIPE).read_bytes().decode()
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise SettingError(f"{out / RECIPE} cannot be read: {error}") from error
    places = _tones(out, lock).places()
    recipe = replace(parse_recipe(text, str(out / RECIPE), places), sound=lock.sound)
    if recipe.key != lock.recipe_key:
        raise SettingError(f"{RECIPE} is not the recipe that the data set was made from")
    return recipe, text


def _tones(out: Location, lock: Lock) -> ToneFiles:
    return ToneFiles(folder=out / TONES, names=lock.tones)


def differences(original: Location, rendered: Location) -> list[str]:
    """What in a data set that was rendered from another's recipe is not as it is there. Of a row
    16 bytes are held.

    Raises:
        SettingError: one of them is unfinished.
    """
    wanted, made = _marks(original), _marks(rendered)
    names = wanted["name"], made["name"]
    _, a, b = np.intersect1d(*names, assume_unique=True, return_indices=True)
    changed = names[0][a][wanted["sound"][a] != made["sound"][b]]
    found = [
        (original, np.setdiff1d(*names), "is missing"),
        (rendered, np.setdiff1d(*names[::-1]), "is not there"),
        (original, changed, "sounds otherwise"),
    ]
    return [
        f"row {name} {why}" for place, marks, why in found for name in _named(place, marks.tolist())
    ]


def _marks(out: Location) -> npt.NDArray[np.void]:
    """Of each row: digests of its name and of its sounds' digests, `MARK`."""
    marks = ((_mark(name), _mark(sound)) for name, sound in _names(out))
    return np.fromiter(marks, MARK)


def _named(out: Location, marks: Sequence[int]) -> list[str]:
    """The names that have these marks, in order."""
    wanted = set(marks)
    return sorted(name for name, _ in _names(out) if _mark(name) in wanted) if wanted else []


def _mark(text: str) -> int:
    return int(digest(text)[:16], 16)


def _names(out: Location) -> Iterator[tuple[str, str]]:
    """(name, digests of its sounds) of each row."""
    columns = ("id", "dry_sha256", "wet_sha256")
    for shard in finished_lock(out).shards:
        for batch in _batches(out / shard.name, columns):
            for name, dry, wet in zip(*(batch[each].to_pylist() for each in columns), strict=True):
                yield name, dry + wet


def _of_files(out: Location, lock: Lock) -> Iterator[str]:
    for shard in lock.shards:
        try:
            with (out / shard.name).reading() as path:
                if digest_file(path) != shard.sha256:
                    yield f"{shard.name} was changed since it was written"
        except FileNotFoundError:
            yield f"{shard.name} is missing"


def _of_manifest(lock: Lock, rows: Sequence[TrackRow]) -> Iterator[str]:
    """Without its row, a recording cannot be rendered again."""
    missing = sorted(lock.sources.keys() - {row.track for row in rows})
    if missing:
        yield f"the manifest says nothing of {len(missing)} recordings, such as {missing[0]}"


def _of_recipe(out: Location, lock: Lock) -> Iterator[str]:
    try:
        recipe_of(out)
    except SettingError as error:
        yield str(error)


def _of_rows(
    out: Location, lock: Lock, tracks: Sequence[TrackRow], running: Running
) -> Iterator[str]:
    """What of some sources' rows does not come out again."""
    names = {track.track for track in tracks}
    kept = _rows([out / shard.name for shard in lock.shards], names)
    recipe, _ = recipe_of(out)
    fresh, faults = _rendered(Render(recipe=recipe, tones=_tones(out, lock)), tracks, running)
    for name, why in faults.items():
        yield f"{name} cannot be rendered again: {why}"
    for name, row in sorted(kept.items()):
        if row["source"] not in faults and fresh.get(name) != row:
            why = _differing(row, fresh.get(name))
            yield f"row {name} of {row['source']} comes out otherwise: {why}"
    for name in sorted(fresh.keys() - kept.keys()):
        yield f"row {name} is missing"


def _rendered(
    render: Render, tracks: Sequence[TrackRow], running: Running
) -> tuple[dict[str, Row], dict[str, str]]:
    """The rows of some sources, made anew; and why those of others cannot be."""
    jobs = [
        Job(
            track=row.track, path=row.input, settings=parse_settings(row.settings or "{}"),
            list_columns=row.list_columns,
        )
        for row in tracks
    ]  # fmt: skip
    with TemporaryDirectory(prefix="morphsep-") as folder:
        run(
            jobs, folder, pipelines.generate(render), executor="local",
            pool=running.pool, on_progress=running.on_progress, on_outcome=running.on_outcome,
        )  # fmt: skip
        workspace = Workspace(folder)
        made = manifest.read_tracks(workspace.out)
        faults = {row.track: row.message or row.status for row in made if row.status != "ok"}
        parts = Parts(workspace, render.recipe)
        files = [parts.rows(each.part) for each in done_sources(jobs, parts, workspace.out)]
        return _rows(files, {row.track for row in made}), faults


def _differing(row: Row, fresh: Row | None) -> str:
    if fresh is None:
        return "it does not come out at all"
    return ", ".join(name for name in row if row[name] != fresh[name])


def _rows(files: Sequence[Location], sources: set[str]) -> dict[str, Row]:
    """The rows of some sources, without their sound, by their names."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found, wanted = dict[str, Row](), pa.array(sorted(sources), "string")
    for place in files:
        for batch in _batches(place):
            of_them = batch.filter(pc.is_in(batch["source"], value_set=wanted))
            found.update((row["id"], row) for row in of_them.to_pylist())
    return found


def _batches(place: Location, columns: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
    """These columns of a file, or all that are compared, some rows at a time."""
    import pyarrow.parquet as pq

    with place.reading() as path, pq.ParquetFile(path) as file:
        names = columns or [n for n in file.schema_arrow.names if n not in NOT_COMPARED]
        yield from file.iter_batches(ROWS, columns=list(names))
