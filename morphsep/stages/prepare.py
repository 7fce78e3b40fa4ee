"""Stage 1: reads, checks and measures an input, and cuts it into sections."""

from __future__ import annotations

import time
from dataclasses import replace

from morphsep import storage
from morphsep.errors import SettingError, TrackError
from morphsep.manifest import TrackRow
from morphsep.stages.clip import Clip, Outcome
from morphsep.stages.finishing import clear
from morphsep.stages.run_context import RunContext
from morphsep.stages.scanning import Scan, scan
from morphsep.stages.section_store import SectionStore
from morphsep.stages.stems import missing_sections
from morphsep.stages.track_state import delta_of, open_input, own_stem_of, stem_of
from morphsep.storage import Location, location


def prepare(run: RunContext, clip: Clip) -> list[Clip]:
    """Reads and measures a track's input, and finds the sections that have to be separated.

    Raises:
        TrackError: the input cannot be done.
    """
    job = clip.job
    if job.refusal:
        raise TrackError(*job.refusal)
    began = time.perf_counter()
    recipe = run.recipe(job.settings)
    readable = open_input(run, clip)
    source = scan(readable, run.workspace, run.force)
    own_stem = own_stem_of(run, clip)
    stem_key = recipe.stem_key(
        source.content_hash, storage.digest_file(own_stem) if own_stem else ""
    )
    key = recipe.key(stem_key) if run.command == "morph" else recipe.stems_key(stem_key)
    previous = clip.previous
    if not run.force and previous is not None and _holds(run, previous, key, source):
        clear(run, clip)
        return [replace(clip, outcome=Outcome(previous, fresh=False))]
    _claim(run, clip)
    clip = replace(
        clip, previous=None, scan=source, stamp=readable.stamp, stem_key=stem_key, key=key,
        scan_seconds=time.perf_counter() - began,
    )  # fmt: skip
    stem = stem_of(run, clip)
    if run.force:
        _discard_once(run, stem)
        _discard_once(run, delta_of(run, clip, recipe))
    missing = missing_sections(stem, source, recipe)
    return [replace(clip, section=section, separated=True) for section in missing] or [clip]


def _discard_once(run: RunContext, store: SectionStore) -> None:
    """Removes what is left of an earlier run, but nothing that this one has made: several tracks
    may share a stem, and a track can be prepared twice."""
    mark = store.folder / "forced.json"
    # one at a time on this machine, and wherever a shared file system has locks
    with storage.only_one(run.scratch(store.folder.name) / mark.name):
        if mark.read_json() != run.id:
            store.discard()
            mark.write_json(run.id)


def _holds(run: RunContext, row: TrackRow, key: str, source: Scan) -> bool:
    """Whether a row's files are there, and are what it says, for the same key and all that is read
    of the input today."""
    if row.status != "ok" or row.key != key or row.num_samples != source.num_samples:
        return False
    wanted = ((row.output, row.output_hash), (row.backing, row.backing_hash))
    return all(
        name is None or _digest(run.workspace.out, name) == digest for name, digest in wanted
    )


def _digest(out: Location, name: str) -> str | None:
    """sha256 of a result; None if it is not there, or not in the output folder at all."""
    try:
        with (out / name).reading() as path:
            return storage.digest_file(path)
    except (FileNotFoundError, IsADirectoryError, SettingError):
        return None


def _claim(run: RunContext, clip: Clip) -> None:
    """Makes sure that nobody else's file is overwritten.

    Raises:
        TrackError: the output is another input's result, or a file that no run has written.
    """
    job, previous = clip.job, clip.previous
    note = run.workspace.claim(job.track)
    if run.force:
        pass
    elif previous is not None and previous.status == "ok" and previous.input != job.path:
        if location(previous.input).exists():
            raise TrackError(
                "output_taken",
                f"{job.track} is already the result of {previous.input}; "
                "choose another output folder, or --force",
            )
    elif previous is None and not note.exists() and (run.workspace.out / job.track).exists():
        raise TrackError(
            "output_taken",
            f"there is a file {job.track} in the output folder that is not ours; "
            "choose another output folder, or --force",
        )
    note.write_json({"track": job.track, "input": job.path})
