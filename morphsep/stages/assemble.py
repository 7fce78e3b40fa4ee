"""Stage 5: mix + delta becomes the finished song (or stem and backing become files)."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

from morphsep.morphing import EstimateFacts, Recipe
from morphsep.stages import track_row
from morphsep.stages.change import change_of
from morphsep.stages.clip import Clip
from morphsep.stages.estimate import measured_estimate
from morphsep.stages.finishing import finish
from morphsep.stages.output import write_song, write_stems
from morphsep.stages.run_context import RunContext
from morphsep.stages.section_notes import SectionNote, whole_track
from morphsep.stages.section_store import SectionStore
from morphsep.stages.stems import Separated, how_separated
from morphsep.stages.track_state import (
    delta_of,
    is_whole,
    measured,
    morphed_length,
    open_input,
    stem_of,
)


def assemble(run: RunContext, clip: Clip) -> list[Clip]:
    """Writes the finished track and commits its rows.

    Raises:
        TrackError: the result cannot be written.
    """
    began = time.perf_counter()
    recipe, stem = run.recipe(clip.job.settings), stem_of(run, clip)
    delta = delta_of(run, clip, recipe)
    delta.look()
    made = whole_track(delta)
    # asked last: another worker may have assembled the track, and be removing its delta
    if not is_whole(morphed_length(clip, recipe), recipe, delta):
        return []
    reach = run.reporter(clip, "assemble")
    readable = open_input(run, clip)
    estimate = measured_estimate(recipe, stem)
    change, about = change_of(clip, readable, recipe, stem, delta, estimate)
    values = (
        _of_estimate(estimate)
        | about
        | write_song(
            run.workspace.out, clip, readable, change, recipe.tail(clip.source.sample_rate)
        )
    )
    reach(clip.source.model_length)
    separated = how_separated(stem) if clip.separated else Separated()
    values |= _measured(clip, recipe, stem, made) | {
        "seconds_separate": separated.seconds,
        "seconds_assemble": time.perf_counter() - began,
        "versions": track_row.versions([*separated.cpus, *made.cpus]),
    }
    outcome = finish(run, clip, values, made.chunks)
    delta.discard()
    return [replace(clip, outcome=outcome)]


def assemble_parts(run: RunContext, clip: Clip) -> list[Clip]:
    """Writes guitar and backing, and commits the track's row.

    Raises:
        TrackError: they cannot be written.
    """
    began = time.perf_counter()
    stem = stem_of(run, clip)
    estimate = measured_estimate(run.recipe(clip.job.settings), stem)
    values = _of_estimate(estimate) | write_stems(
        run.workspace.out, clip, open_input(run, clip), stem
    )
    separated = how_separated(stem) if clip.separated else Separated()
    values |= {
        "seconds_separate": separated.seconds,
        "seconds_assemble": time.perf_counter() - began,
        "versions": track_row.versions(separated.cpus),
    }
    return [replace(clip, outcome=finish(run, clip, values))]


def _of_estimate(estimate: EstimateFacts | None) -> dict[str, Any]:
    if estimate is None:
        return {}
    return {"stem_quality": estimate.quality, "stem_warning": estimate.warning}


def _measured(clip: Clip, recipe: Recipe, stem: SectionStore, made: SectionNote) -> dict[str, Any]:
    """Columns about stem, tones and chunks."""
    fit, facts = measured(clip, recipe, stem)
    return track_row.of_chunks(made.chunks, facts.lufs) | {
        "from_trim_db": fit.from_trim_db,
        "to_trim_db": fit.to_trim_db,
        "warp": json.dumps(fit.warp.to_json()) if fit.warp else None,
        "fits": json.dumps([fit.from_facts, fit.to_facts]) if fit.is_fitted else None,
        "tone_warning": "; ".join(fit.warnings) or None,
        "backend_warning": "; ".join(made.warnings) or None,
        "seconds_morph": fit.seconds + made.seconds,
    }
