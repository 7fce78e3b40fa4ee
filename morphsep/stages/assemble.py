"""Stage 5: mix + delta becomes the finished song (or stem and backing become files)."""

from __future__ import annotations

import time
from dataclasses import replace

from morphsep.stages import track_row
from morphsep.stages.clip import Clip
from morphsep.stages.estimate import measured_estimate
from morphsep.stages.finishing import finish
from morphsep.stages.morphed import morphed, of_estimate
from morphsep.stages.output import write_song, write_stems
from morphsep.stages.run_context import RunContext
from morphsep.stages.stems import Separated, how_separated
from morphsep.stages.track_state import open_input, stem_of


def assemble(run: RunContext, clip: Clip) -> list[Clip]:
    """Writes the finished track and commits its rows.

    Raises:
        TrackError: the result cannot be written.
    """
    began = time.perf_counter()
    found = morphed(run, clip)
    if found is None:
        return []
    reach = run.reporter(clip, "assemble")
    tail = found.tail
    values = found.values | write_song(
        run.workspace.out, clip, open_input(run, clip), found.change, tail
    )
    reach(clip.source.model_length)
    values |= {"seconds_assemble": time.perf_counter() - began}
    outcome = finish(run, clip, values, found.chunks)
    found.delta.discard()
    return [replace(clip, outcome=outcome)]


def assemble_parts(run: RunContext, clip: Clip) -> list[Clip]:
    """Writes guitar and backing, and commits the track's row.

    Raises:
        TrackError: they cannot be written.
    """
    began = time.perf_counter()
    stem = stem_of(run, clip)
    estimate = measured_estimate(run.recipe(clip.job.settings), stem)
    values = of_estimate(estimate) | write_stems(
        run.workspace.out, clip, open_input(run, clip), stem
    )
    separated = how_separated(stem) if clip.separated else Separated()
    values |= {
        "seconds_separate": separated.seconds,
        "seconds_assemble": time.perf_counter() - began,
        "versions": track_row.versions(separated.cpus),
    }
    return [replace(clip, outcome=finish(run, clip, values))]
