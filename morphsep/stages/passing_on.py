"""How a track that was worked on section by section becomes one record again."""

from __future__ import annotations

from dataclasses import replace

from morphsep.morphing import Recipe
from morphsep.stages.clip import Clip
from morphsep.stages.run_context import RunContext
from morphsep.stages.section_store import SectionStore
from morphsep.stages.track_state import is_whole


def passed_on(
    run: RunContext, clip: Clip, stage: str, recipe: Recipe, store: SectionStore, length: int
) -> list[Clip]:
    """The whole track, once all its sections are finished; passed on by one section only. (Two
    may see that the last one is finished; if another track has made the stem, all of them do.)

    If that section is tried again, it passes the track on again: its worker may have died before
    anybody heard of it.

    Args:
        length: of all sections together.
    """
    assert clip.section is not None
    whole = replace(clip, section=None)
    if clip.section.num_samples == length:
        return [whole]
    if not is_whole(length, recipe, store):
        return []
    mark = run.workspace.passed_on(clip.job.track, f"{stage}-{run.id}")
    first = mark.create_json({"run": run.id, "start": clip.section.start})
    return [whole] if first else []
