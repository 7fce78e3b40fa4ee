"""Stage 4: chunks of the stem go through the backend and are stitched into the delta."""

from __future__ import annotations

import time
from collections.abc import Callable

from morphsep.backends.perceptual import Warp
from morphsep.dsp import Span
from morphsep.morphing import Morpher, one_blas_thread
from morphsep.stages.clip import Clip
from morphsep.stages.cpu import kind_of_cpu
from morphsep.stages.passing_on import passed_on
from morphsep.stages.run_context import RunContext
from morphsep.stages.section_notes import SectionNote, finish_section, section_note
from morphsep.stages.section_store import SectionStore
from morphsep.stages.track_state import delta_of, measured, measured_recipe, morphed_length, stem_of


def morph(run: RunContext, clip: Clip) -> list[Clip]:
    """Writes what morphing changes in a section. The last one passes the track on.

    Raises:
        TrackError: the backend broke its contract.
    """
    section = clip.section
    if section is None:
        return [clip]
    stem = stem_of(run, clip)
    recipe = measured_recipe(run, clip, stem)
    delta = delta_of(run, clip, recipe)
    length = morphed_length(clip, recipe)
    reach = run.reporter(clip, "morph", section.start)
    if section_note(delta, section) is None:
        fit, facts = measured(clip, recipe, stem)
        morpher = Morpher(
            section=section, recipe=fit.matched(recipe), warp=fit.warp or Warp(), facts=fit.facts,
            stem=facts.stem(stem.read, length, stem.num_channels),
            track=clip.job.track, key=clip.key,
        )  # fmt: skip
        with one_blas_thread():
            _write(morpher, section, delta, reach)
    reach(section.stop)
    return passed_on(run, clip, "morph", recipe, delta, length)


def _write(
    morpher: Morpher, section: Span, delta: SectionStore, reach: Callable[[int], None]
) -> None:
    """Writes the delta of a section (no audio, if all of it is zero) and the rows of the chunks
    that begin in it."""
    began = time.perf_counter()
    if morpher.changes:
        reached = section.start
        with delta.writer(section) as file:
            for piece in morpher.delta():
                file.write(piece)
                reached += piece.shape[-1]
                reach(reached)
    chunks = morpher.rows  # first: rooms are measured for them
    note = SectionNote(
        seconds=time.perf_counter() - began, warnings=morpher.warnings, chunks=chunks,
        cpus=[kind_of_cpu()],
    )  # fmt: skip
    finish_section(delta, section, note)
