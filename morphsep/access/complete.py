"""The last stage of ``morphsep restore``: the access copy, its differences, and the rows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from morphsep import stages, storage
from morphsep.access.depth import Depth, Exact
from morphsep.access.differences import Difference, write_difference
from morphsep.access.doing import Done, done_in, keep_done
from morphsep.access.layers import Layer, opened
from morphsep.access.publishing import publish_differences
from morphsep.access.rows import step_rows
from morphsep.access.sounds import Sound
from morphsep.access.track import (
    depth_of,
    form_of,
    master_of,
    places,
    sound_place,
    timbre_folder,
    watched,
)
from morphsep.access.writing import write_access
from morphsep.dsp import dbfs
from morphsep.errors import TrackError
from morphsep.manifest import files_column
from morphsep.morphing import Read, Recipe, put_back
from morphsep.stages import Clip, Morphed, Readable, RunContext, Scan

TIMBRE = "timbre"


def complete(run: RunContext, clip: Clip) -> list[Clip]:
    """Writes the access copy and its differences, checks it, and commits the track's rows.

    Raises:
        TrackError: it cannot be written, or breaks a bound.
    """
    began = time.perf_counter()
    recipe = run.recipe(clip.job.settings)
    found = stages.morphed(run, clip) if recipe.morphs else None
    if recipe.morphs and found is None:
        return []
    readable = stages.open_input(run, clip)
    done = [(place.done(), place.layer()) for place in places(run, clip)]
    if found is not None:
        done.append(_timbre(run, clip, readable, [layer for _, layer in done], found))
    values = _write(run, clip, readable, done)
    if found is not None:
        values = found.values | values
    values["seconds_assemble"] = time.perf_counter() - began
    rows = step_rows(clip.job.track, clip.key, [each for each, _ in done])
    outcome = stages.finish(run, clip, values, found.chunks if found else (), rows)
    if found is not None:
        found.delta.discard()
        timbre_folder(run, clip).remove_tree()
        sound_place(run, clip).remove()
    return [replace(clip, outcome=outcome)]


def _timbre(
    run: RunContext, clip: Clip, master: Readable, layers: Sequence[Layer], found: Morphed
) -> tuple[Done, Layer]:
    """Writes what the morph adds to the repaired sound, unless it is there."""
    folder, depth = timbre_folder(run, clip), depth_of(clip)
    done = done_in(folder)
    if done is None:
        began = time.perf_counter()
        with opened(master, layers, depth) as sound:
            difference = _morphed(sound, found.change, depth)
            written = write_difference(folder, sound.info, difference, depth, lambda sample: None)
        recipe = run.recipe(clip.job.settings)
        done = Done(
            step=TIMBRE, fingerprint=recipe.warp_key, findings={}, summary=_said(recipe),
            written=written, seconds=time.perf_counter() - began,
        )  # fmt: skip
        keep_done(folder, done)
    return done, done.layer(folder)


def _said(recipe: Recipe) -> str:
    asked = recipe.settings
    return f"the guitar from {asked.from_} towards {asked.to} by {asked.amount}"


def _morphed(sound: Sound, change: Read, depth: Depth) -> Difference:
    def difference(start: int, num_samples: int) -> Exact:
        before = sound.exact(start, num_samples)
        after = put_back(before, start, change, sound.info.sample_rate)
        if depth.bits is not None:
            _check_fits(after, depth)
        return np.where(after == before, 0.0, depth.settle(after) - before)

    return difference


def _check_fits(samples: Exact, depth: Depth) -> None:
    """
    Raises:
        TrackError: beyond full scale; a gain would change what is not repaired.
    """
    over = max(float(samples.max(initial=0.0)) / depth.largest, -float(samples.min(initial=0.0)))
    if over > 1.0:
        raise TrackError(
            "would_clip",
            f"with the guitar morphed it would exceed full scale by {dbfs(over):.2f} dB, and an "
            "access copy gets no gain; use a smaller --amount",
        )


def _write(
    run: RunContext, clip: Clip, readable: Readable, done: Sequence[tuple[Done, Layer]]
) -> dict[str, Any]:
    """Writes and checks the access copy, and publishes it with its differences; returns the
    columns about all of it."""
    out, track, form = run.workspace.out, clip.job.track, form_of(clip)
    layers = [layer for _, layer in done]
    with (out / track).writing() as path:
        with opened(readable, layers, depth_of(clip)) as sound:
            reach = watched(run, clip, "assemble", sound.info.num_samples)
            made = write_access(path, sound, form, readable.local, _history(done), reach)
            length = sound.info.num_samples
        after = _unchanged(readable, master_of(clip))
        digest = storage.digest_file(path)
        files = publish_differences(out, track, done)
    longer = length - master_of(clip).num_samples
    return stages.of_output(track, digest, form, made) | {
        "output_stamp": (out / track).full_stamp(), "tail_samples": longer or None,
        "steps": ",".join(each.step for each, _ in done), "master_hash_after": after,
        "files": files_column(files),
    }  # fmt: skip


def _history(done: Sequence[tuple[Done, Layer]]) -> str:
    """What was done, for a coding history: ASCII without commas."""
    steps = "+".join(each.step for each, _ in done)
    return f"restore; access copy; {steps or 'no step'}"


def _unchanged(readable: Readable, master: Scan) -> str:
    """The digest of the master's bytes, read again.

    Raises:
        TrackError: it is not what it was.
    """
    after = storage.digest_file(readable.local)
    if after != master.content_hash or readable.has_changed:
        raise TrackError(
            "changed_while_read",
            "the master is not what it was when it was read first; nothing was written: find out "
            "what changed it, and run again when it is at rest",
        )
    return after
