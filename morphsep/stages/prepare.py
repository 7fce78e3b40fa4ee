"""Stage 1: reads, checks and measures an input, and cuts it into sections."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from morphsep import storage
from morphsep.errors import TrackError
from morphsep.manifest import TrackRow
from morphsep.stages.clip import Clip, Outcome
from morphsep.stages.finishing import clear
from morphsep.stages.run_context import RunContext
from morphsep.stages.scanning import scan
from morphsep.stages.stems import missing_sections
from morphsep.stages.track_state import delta_of, open_input, own_stem_of, stem_of
from morphsep.stages.trust import as_read, by_content
from morphsep.storage import Location, location


def prepare(run: RunContext, clip: Clip) -> list[Clip]:
    """Reads and measures a track's input, and finds the sections that have to be separated.

    Raises:
        TrackError: the input cannot be done.
    """
    clip = begin(run, clip)
    return [clip] if clip.outcome is not None else to_separate(run, clip)


def begin(run: RunContext, clip: Clip) -> Clip:
    """The track read, measured and claimed; with its outcome, if an earlier run has done it.

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
    own_stem_hash = storage.digest_file(own_stem.path) if own_stem else ""
    stem_key = recipe.stem_key(source.content_hash, own_stem_hash)
    clip = replace(
        clip, scan=source, stamp=readable.stamp, input_stamp=as_read(readable.full_stamp),
        own_stem_stamp=own_stem.full_stamp if own_stem else None,
        own_stem_hash=own_stem_hash or None, stem_stamp=own_stem.stamp if own_stem else "",
        stem_key=stem_key, key=recipe.key(stem_key, run.command),
    )  # fmt: skip
    if not run.force and (done := _done_before(run, clip)) is not None:
        clear(run, clip)
        return replace(clip, previous=None, outcome=Outcome(done, fresh=False))
    _claim(run, clip)
    return replace(clip, previous=None, scan_seconds=time.perf_counter() - began)


def to_separate(run: RunContext, clip: Clip) -> list[Clip]:
    """The sections of a track that have to be separated; the whole track if none has to be."""
    recipe, stem = run.recipe(clip.job.settings), stem_of(run, clip)
    if run.force:
        for store in (stem, delta_of(run, clip, recipe)):
            discard_once(run, store.folder, store.discard)
    missing = missing_sections(stem, clip.source, recipe)
    return [replace(clip, section=section, separated=True) for section in missing] or [clip]


def discard_once(run: RunContext, folder: Location, discard: Callable[[], None]) -> None:
    """Removes what an earlier run has left in a folder, but nothing that this one has made:
    several tracks may share a stem, and a track can be prepared twice."""
    mark = folder / "forced.json"
    # one at a time on this machine, and wherever a shared file system has locks
    with storage.only_one(run.scratch(folder.name) / mark.name):
        if mark.read_json() != run.id:
            discard()
            mark.write_json(run.id)


def _done_before(run: RunContext, clip: Clip) -> TrackRow | None:
    """The row of an earlier run with today's stamps, if it has the same key, all that is read of
    the input today went into it, and its files are what it says."""
    row = clip.previous
    if row is None or row.status != "ok" or row.key != clip.key:
        return None
    if row.num_samples != clip.source.num_samples:
        return None
    row = replace(
        row, input=clip.job.path, input_stamp=clip.input_stamp,
        own_stem_stamp=clip.own_stem_stamp, own_stem_hash=clip.own_stem_hash,
    )  # fmt: skip
    return by_content(row, run.workspace.out)


def _claim(run: RunContext, clip: Clip) -> None:
    """Makes sure that nobody else's file is overwritten.

    Raises:
        TrackError: the output is another input's result, or a file that no run has written.
    """
    job, previous = clip.job, clip.previous
    note, result = run.workspace.claim(job.track), run.workspace.out / job.track
    if run.force:
        pass
    elif previous is not None and previous.status == "ok" and previous.input != job.path:
        if location(previous.input).exists():
            raise TrackError(
                "output_taken",
                f"{job.track} is already the result of {previous.input}; "
                "choose another output folder, or --force",
            )
    elif previous is None and result.exists() and not note.exists():
        raise TrackError(
            "output_taken",
            f"there is a file {job.track} in the output folder that is not ours; "
            "choose another output folder, or --force",
        )
    note.write_json({"track": job.track, "input": job.path})
