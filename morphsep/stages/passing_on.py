"""How a track that was worked on section by section becomes one record again."""

from __future__ import annotations

from dataclasses import replace

from morphsep.stages.at_hand import is_whole
from morphsep.stages.clip import Clip
from morphsep.stages.recipe import Recipe
from morphsep.stages.run_context import RunContext
from morphsep.stages.section_store import SectionStore


def passed_on(
    run: RunContext, clip: Clip, stage: str, recipe: Recipe, store: SectionStore
) -> list[Clip]:
    """The whole track once all its sections are finished, by one of them alone: two may see the
    last one finished, and where another track has made the stem, all of them do.

    That one passes it on again whenever it is tried again: its worker may have died over it.
    """
    assert clip.section is not None
    if not is_whole(clip, recipe, store):
        return []
    mark = run.workspace.passed_on(clip.job.track, f"{stage}-{run.id}")
    first = mark.create_json({"run": run.id, "start": clip.section.start})
    return [replace(clip, section=None)] if first else []
