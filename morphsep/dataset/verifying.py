"""``morphsep verify DATASET``: files against the lock, and some sources rendered again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from tempfile import TemporaryDirectory

from morphsep import manifest, pipelines
from morphsep.dataset.columns import AUDIO
from morphsep.dataset.joining import found_parts
from morphsep.dataset.lock import RECIPE, Lock, finished_lock, read_lock
from morphsep.dataset.parts import Parts
from morphsep.dataset.recipe import DataRecipe, parse_recipe
from morphsep.dataset.render import Render
from morphsep.dataset.wanted import Running
from morphsep.manifest import TrackRow
from morphsep.request import Job, parse_settings
from morphsep.run import run
from morphsep.stages import Workspace
from morphsep.storage import Location, digest, digest_file

SAMPLE = 3
"""Sources that are rendered again."""
ROWS = 500
"""Rows of a shard that are read at once."""
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
    findings = list(_of_files(out, lock))
    text = (out / RECIPE).read_bytes().decode()
    recipe = replace(parse_recipe(text, str(out / RECIPE)), sound=lock.sound)
    if recipe.key != lock.recipe_key:
        findings.append(f"{RECIPE} is not the recipe that the data set was made from")
    elif not findings:
        rows = [row for row in manifest.read_tracks(out) if row.status == "ok"]
        chosen = sorted(rows, key=lambda row: digest("verify", row.track))[:sample]
        findings += _of_rows(out, recipe, lock, chosen, running)
        return len(chosen), findings
    return 0, findings


def differences(original: Location, rendered: Location) -> list[str]:
    """What in a data set that was rendered from another's recipe is not as it is there.

    Raises:
        SettingError: one of them is unfinished.
    """
    wanted, made = (
        _rows([place / shard.name for shard in finished_lock(place).shards])
        for place in (original, rendered)
    )
    found = [f"row {name} is missing" for name in sorted(wanted.keys() - made.keys())]
    found += [f"row {name} is not there" for name in sorted(made.keys() - wanted.keys())]
    for name in sorted(wanted.keys() & made.keys()):
        if any(wanted[name][each] != made[name][each] for each in ("dry_sha256", "wet_sha256")):
            found.append(f"row {name} sounds otherwise")
    return found


def _of_files(out: Location, lock: Lock) -> Iterator[str]:
    for shard in lock.shards:
        try:
            with (out / shard.name).reading() as path:
                if digest_file(path) != shard.sha256:
                    yield f"{shard.name} was changed since it was written"
        except FileNotFoundError:
            yield f"{shard.name} is missing"


def _of_rows(
    out: Location, recipe: DataRecipe, lock: Lock, tracks: Sequence[TrackRow], running: Running
) -> Iterator[str]:
    """What of some sources' rows does not come out again."""
    names = {track.track for track in tracks}
    kept = _rows([out / shard.name for shard in lock.shards], names)
    fresh, faults = _rendered(recipe, tracks, running)
    for name, why in faults.items():
        yield f"{name} cannot be rendered again: {why}"
    for name, row in sorted(kept.items()):
        if row["source"] not in faults and fresh.get(name) != row:
            why = _differing(row, fresh.get(name))
            yield f"row {name} of {row['source']} comes out otherwise: {why}"
    for name in sorted(fresh.keys() - kept.keys()):
        yield f"row {name} is missing"


def _rendered(
    recipe: DataRecipe, tracks: Sequence[TrackRow], running: Running
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
            jobs, folder, pipelines.generate(Render(recipe=recipe)), executor="local",
            pool=running.pool, on_progress=running.on_progress, on_outcome=running.on_outcome,
        )  # fmt: skip
        workspace = Workspace(folder)
        made = manifest.read_tracks(workspace.out)
        faults = {row.track: row.message or row.status for row in made if row.status != "ok"}
        parts = Parts(workspace, recipe)
        files = [parts.rows(each.name) for each in found_parts(jobs, parts, workspace.out)]
        return _rows(files, {row.track for row in made}), faults


def _differing(row: Row, fresh: Row | None) -> str:
    if fresh is None:
        return "it does not come out at all"
    return ", ".join(name for name in row if row[name] != fresh[name])


def _rows(files: Sequence[Location], sources: set[str] | None = None) -> dict[str, Row]:
    """The rows of all sources, or of some, without their sound, by their names."""
    import pyarrow.parquet as pq

    found = dict[str, Row]()
    for place in files:
        with place.reading() as path, pq.ParquetFile(path) as file:
            columns = [n for n in file.schema_arrow.names if n not in NOT_COMPARED]
            for batch in file.iter_batches(ROWS, columns=columns):
                for row in batch.to_pylist():
                    if sources is None or row["source"] in sources:
                        found[row["id"]] = row
    return found
