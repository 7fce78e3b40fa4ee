"""Stage 3: what must be the same for a whole track is taken from its whole stem."""

from __future__ import annotations

from dataclasses import replace

from morphsep.dsp import sections
from morphsep.morphing import one_blas_thread
from morphsep.stages.clip import Clip
from morphsep.stages.run_context import RunContext
from morphsep.stages.section_notes import forget_others
from morphsep.stages.stems import measure_stem, stem_facts
from morphsep.stages.tone_fit import known_fit, measure_fit
from morphsep.stages.track_state import delta_of, stem_of


def measure(run: RunContext, clip: Clip) -> list[Clip]:
    """Takes what has to be the same for all of a track from its whole stem, and finds the
    sections that have to be morphed."""
    stem, source = stem_of(run, clip), clip.source
    facts = stem_facts(stem, source.model_length) or measure_stem(stem, source.model_length)
    if run.command == "separate":
        return [clip]
    recipe = run.recipe(clip.job.settings)
    if known_fit(recipe, stem) is None:
        with one_blas_thread():
            measure_fit(recipe, stem, source.model_length, facts)
    done = forget_others(delta_of(run, clip, recipe))
    cut = sections(source.model_length, recipe.section)
    missing = [replace(clip, section=section) for section in cut if section not in done]
    return missing or [clip]
