"""The last stage of ``morphsep restore``: the access copy, what lies beside it, and the rows."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

from morphsep import stages
from morphsep.access.copying import write_copy
from morphsep.access.doing import discard
from morphsep.access.parts import AccessCopy
from morphsep.access.rows import step_rows
from morphsep.access.timbre import timbre
from morphsep.access.together import remove_left_over
from morphsep.access.track import (
    form_of,
    limits_of,
    master_of,
    parts_of,
    sound_place,
    timbre_folder,
    watched,
)
from morphsep.stages import Clip, Morphed, RunContext


def complete(run: RunContext, clip: Clip) -> list[Clip]:
    """Writes the access copy and its differences, checks it, and commits the track's rows.

    Raises:
        TrackError: it cannot be written, or breaks a bound.
    """
    began = time.perf_counter()
    recipe = run.recipe(clip.job.settings)
    found = stages.morphed(run, clip) if recipe.morphs else None
    if recipe.morphs and found is None:
        return []
    copy = _copy(run, clip, found)
    values = found.values if found else {"seconds_separate": 0.0}
    values = values | write_copy(copy, watched(run, clip, "assemble", clip.source.num_samples))
    values["seconds_assemble"] = time.perf_counter() - began
    rows = step_rows(copy, clip.key)
    outcome = stages.finish(run, clip, values, found.chunks if found else (), rows)
    remove_left_over(run.workspace.out, outcome.row)
    _clear(run, clip, found)
    return [replace(clip, outcome=outcome)]


def _copy(run: RunContext, clip: Clip, found: Morphed | None) -> AccessCopy:
    """The access copy that is to be written; of a morph, the difference is written now."""
    copy = AccessCopy(
        out=run.workspace.out, track=clip.job.track, master=stages.open_input(run, clip),
        scan=master_of(clip), form=form_of(clip), parts=parts_of(run, clip),
        **limits_of(clip.job.settings),
    )  # fmt: skip
    if found is None:
        return copy
    recipe = run.recipe(clip.job.settings)
    folder = timbre_folder(run, clip)
    if run.force:
        stages.discard_once(run, folder, partial(discard, folder))
    part = timbre(copy, recipe, found.change, folder)
    return replace(copy, parts=[*copy.parts, part])


def _clear(run: RunContext, clip: Clip, found: Morphed | None) -> None:
    """Removes what only this track needed; its repairs stay, for the next amount."""
    if found is not None:
        found.delta.discard()
        timbre_folder(run, clip).remove_tree()
        sound_place(run, clip).remove()
