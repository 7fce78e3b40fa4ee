"""How a track that was worked on section by section becomes one record again."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace

from morphsep import storage
from morphsep.stages.at_hand import is_whole
from morphsep.stages.clip import Clip
from morphsep.stages.recipe import Recipe
from morphsep.stages.run_context import RunContext
from morphsep.stages.section_store import SectionStore
from morphsep.storage import SETTLE


def passed_on(
    run: RunContext, clip: Clip, stage: str, recipe: Recipe, store: SectionStore
) -> list[Clip]:
    """The whole track once all its sections are finished, by one of them alone: two may see the
    last one finished, and where another track has made the stem, all of them do.

    That one passes it on again whenever it is tried again: its worker may have died over it. In an
    object store, which has no locks, two that end in the same tenth of a second may both pass it
    on: that costs time, and the second counts as a retry.
    """
    assert clip.section is not None
    if not is_whole(clip, recipe, store):
        return []
    mark = run.workspace.passed_on(clip.job.track, stage)
    ours = {"run": run.id, "start": clip.section.start}
    with storage.only_one(mark.path) if mark.is_local else nullcontext():
        said = mark.read_json() or {}
        if said.get("run") != run.id:
            mark.write_json(said := ours)
            if clip.shares_stem and not mark.is_local:
                # all its sections come here at once: the last who wrote does it
                time.sleep(SETTLE)
                said = mark.read_json()
    return [replace(clip, section=None)] if said == ours else []
