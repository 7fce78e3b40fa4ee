"""Stage 2: a section of the mix becomes a section of the stem."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from morphsep.stages.clip import Clip
from morphsep.stages.passing_on import passed_on
from morphsep.stages.run_context import RunContext
from morphsep.stages.section_store import SectionStore
from morphsep.stages.stems import separate_section
from morphsep.stages.track_state import open_sound, own_stem_of, stem_of
from morphsep.storage import turn


def separate(run: RunContext, clip: Clip) -> list[Clip]:
    """Writes a section of the stem. The last one passes the track on.

    Raises:
        TrackError: the track cannot be separated.
    """
    section = clip.section
    if section is None:
        return [clip]
    recipe = run.recipe(clip.job.settings)
    stem = stem_of(run, clip)
    reach = run.reporter(clip, "separate", section.start)
    with _turn(run, clip, stem):
        own_stem = own_stem_of(run, clip)
        separate_section(section, clip.source, open_sound(run, clip), recipe, stem, own_stem, reach)
    return passed_on(run, clip, "separate", recipe, stem, clip.source.model_length)


def _turn(run: RunContext, clip: Clip, stem: SectionStore) -> AbstractContextManager[None]:
    """Waits while another worker makes the same section of the same stem."""
    if clip.section is None or not clip.shares_stem or stem.has(clip.section):
        return nullcontext()
    return turn(run.workspace.turn(clip.stem_key, clip.section.start))
