"""Stage 4: chunks of the stem go through the backend and are stitched into the delta."""

from __future__ import annotations

from morphsep.backends.perceptual import Warp
from morphsep.stages.clip import Clip
from morphsep.stages.morphing import Morpher
from morphsep.stages.passing_on import passed_on
from morphsep.stages.run_context import RunContext
from morphsep.stages.track_state import delta_of, measured, one_blas_thread, stem_of


def morph(run: RunContext, clip: Clip) -> list[Clip]:
    """Writes what morphing changes in a section. The last one passes the track on.

    Raises:
        TrackError: the backend broke its contract.
    """
    section = clip.section
    if section is None:
        return [clip]
    recipe, stem = run.recipe(clip.job.settings), stem_of(run, clip)
    fit, facts = measured(clip, recipe, stem)
    delta = delta_of(run, clip, recipe)
    reach, reached = run.reporter(clip, "morph", section.start), section.start

    def advance(num_samples: int) -> None:
        nonlocal reached
        reached += num_samples
        reach(reached)

    morpher = Morpher(
        track=clip.job.track, key=clip.key, recipe=fit.matched(recipe), stem=stem,
        num_samples=clip.source.model_length, level=facts.lufs, warp=fit.warp or Warp(),
        facts=fit.facts, on_samples=advance,
    )  # fmt: skip
    with one_blas_thread():
        morpher.section(section, delta)
    return passed_on(run, clip, "morph", recipe, delta)
