"""Stage 3: what must be the same for a whole track is taken from its whole stem."""

from __future__ import annotations

import logging
from dataclasses import replace

from morphsep.dsp import sections
from morphsep.morphing import EstimateFacts, one_blas_thread
from morphsep.stages.amounts import with_curve
from morphsep.stages.clip import Clip
from morphsep.stages.estimate import estimate_facts, measure_estimate
from morphsep.stages.finishing import finish
from morphsep.stages.run_context import RunContext
from morphsep.stages.section_notes import forget_others
from morphsep.stages.section_store import SectionStore
from morphsep.stages.stems import how_separated, measure_stem, stem_facts
from morphsep.stages.tone_fit import known_fit, measure_fit
from morphsep.stages.track_state import delta_of, morphed_length, open_sound, stem_of

log = logging.getLogger("morphsep")


def measure(run: RunContext, clip: Clip) -> list[Clip]:
    """Takes what has to be the same for all of a track from its whole stem, and finds the
    sections that have to be morphed. A track whose stem is too poor ends here."""
    if not clip.stem_key:  # nothing is asked of the guitar
        return [clip]
    stem, source = stem_of(run, clip), clip.source
    facts = stem_facts(stem, source.model_length) or measure_stem(stem, source.model_length)
    recipe = run.recipe(clip.job.settings)
    estimate = _estimate(run, clip, stem) if recipe.is_estimate else None
    if estimate is not None and (ended := _look_at(estimate, run, clip)) is not None:
        return [ended]
    if run.command not in ("morph", "restore"):
        return [clip]
    recipe = with_curve(recipe, stem, source.model_length, facts, estimate)
    if known_fit(recipe, stem) is None:
        with one_blas_thread():
            measure_fit(recipe, stem, source.model_length, facts)
    done = forget_others(delta_of(run, clip, recipe))
    cut = sections(morphed_length(clip, recipe), recipe.section)
    missing = [replace(clip, section=section) for section in cut if section not in done]
    return missing or [clip]


def _estimate(run: RunContext, clip: Clip, stem: SectionStore) -> EstimateFacts:
    """What an estimated stem is worth beside its mix."""
    return estimate_facts(stem) or measure_estimate(clip, open_sound(run, clip), stem)


def _look_at(facts: EstimateFacts, run: RunContext, clip: Clip) -> Clip | None:
    """Says so if an estimated stem is poor. A track whose stem is poorer than what is wanted comes
    back with its end."""
    if (why := facts.too_poor(clip.job.settings.min_stem_quality)) is not None:
        seconds = how_separated(stem_of(run, clip)).seconds
        values = {
            "status": "skipped", "error_code": "poor_stem", "message": why,
            "stem_quality": facts.quality, "seconds_separate": seconds,
        }  # fmt: skip
        return replace(clip, outcome=finish(run, clip, values))
    if facts.warning is not None:
        log.warning("%s: %s", clip.job.path, facts.warning)
    return None
