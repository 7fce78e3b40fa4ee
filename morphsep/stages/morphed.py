"""All of a morphed track put together: what is added to its sound, and what is known of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from morphsep.manifest import ChunkRow
from morphsep.morphing import EstimateFacts, Read, Recipe
from morphsep.stages import track_row
from morphsep.stages.change import change_of
from morphsep.stages.clip import Clip
from morphsep.stages.estimate import measured_estimate
from morphsep.stages.run_context import RunContext
from morphsep.stages.section_notes import SectionNote, whole_track
from morphsep.stages.section_store import SectionStore
from morphsep.stages.stems import Separated, how_separated
from morphsep.stages.track_state import (
    delta_of,
    is_whole,
    measured,
    measured_recipe,
    morphed_length,
    open_sound,
    stem_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Morphed:
    """What the stages up to `morph` have made of a track."""

    change: Read
    """What is added to its sound, at 44.1 kHz."""
    values: dict[str, Any]
    """Columns of its row."""
    chunks: Sequence[ChunkRow]
    tail: int
    """By how many samples at its own rate the result is longer."""
    delta: SectionStore
    """Where `change` lies; to be discarded when the track is finished."""


def morphed(run: RunContext, clip: Clip) -> Morphed | None:
    """What has become of a track; None if another worker has finished it, and is removing that."""
    stem = stem_of(run, clip)
    recipe = measured_recipe(run, clip, stem)
    delta = delta_of(run, clip, recipe)
    delta.look()
    made = whole_track(delta)
    # asked last: another worker may have assembled the track, and be removing its delta
    if not is_whole(morphed_length(clip, recipe), recipe, delta):
        return None
    estimate = measured_estimate(recipe, stem)
    change, about = change_of(clip, open_sound(run, clip), recipe, stem, delta, estimate)
    separated = how_separated(stem) if clip.separated else Separated()
    values = of_estimate(estimate) | about | _measured(clip, recipe, stem, made)
    values |= {
        "seconds_separate": separated.seconds,
        "versions": track_row.versions([*separated.cpus, *made.cpus]),
    }
    tail = recipe.tail(clip.source.sample_rate)
    return Morphed(change=change, values=values, chunks=made.chunks, tail=tail, delta=delta)


def of_estimate(estimate: EstimateFacts | None) -> dict[str, Any]:
    """Columns about an estimated stem."""
    if estimate is None:
        return {}
    return {"stem_quality": estimate.quality, "stem_warning": estimate.warning}


def _measured(clip: Clip, recipe: Recipe, stem: SectionStore, made: SectionNote) -> dict[str, Any]:
    """Columns about stem, tones and chunks."""
    fit, facts = measured(clip, recipe, stem)
    return (
        track_row.of_chunks(made.chunks, facts.lufs)
        | track_row.of_amount(clip, recipe)
        | {
            "from_trim_db": fit.from_trim_db,
            "to_trim_db": fit.to_trim_db,
            "warp": json.dumps(fit.warp.to_json()) if fit.warp else None,
            "fits": json.dumps([fit.from_facts, fit.to_facts]) if fit.is_fitted else None,
            "tone_warning": "; ".join(fit.warnings) or None,
            "backend_warning": "; ".join(made.warnings) or None,
            "seconds_morph": fit.seconds + made.seconds,
        }
    )
