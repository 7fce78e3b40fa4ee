"""The state of a track when a stage begins: its input, stem, delta and measurements."""

from __future__ import annotations

from contextlib import suppress

from morphsep.dsp import sections
from morphsep.errors import TrackError
from morphsep.morphing import Recipe, StemFacts, ToneFit
from morphsep.request import Job
from morphsep.stages.clip import Clip
from morphsep.stages.readable import Readable, changed, local_copy
from morphsep.stages.run_context import RunContext
from morphsep.stages.section_store import SectionStore
from morphsep.stages.stems import stem_facts
from morphsep.stages.tone_fit import known_fit


def open_input(run: RunContext, clip: Clip) -> Readable:
    """The track's input.

    Raises:
        TrackError: it cannot be read, or is not what it was when the track was prepared.
    """
    scratch = run.scratch(clip.job.track)
    readable = Readable(clip.job.path, scratch, clip.job.settings.channels, clip.stamp)
    if clip.stamp and readable.stamp != clip.stamp:
        raise changed()
    return readable


def own_stem_path(job: Job) -> str | None:
    """Where the user's stem of an input lies, if there is one."""
    if job.settings.stem is None:
        return None
    from morphsep.separators.own_stem import resolve_stem

    return resolve_stem(job.settings.stem, job.path)


def own_stem_of(run: RunContext, clip: Clip) -> tuple[str, str] | None:
    """The user's stem on this machine, if there is one, and its `morphsep.storage.full_stamps`.

    Raises:
        TrackError: it is not there.
    """
    path = own_stem_path(clip.job)
    if path is None:
        return None
    local, stamp = None, None
    with suppress(TrackError):
        local, stamp = local_copy(path, run.scratch(clip.job.track))
    if local is None or stamp is None:
        raise TrackError("stem_not_found", f"there is no stem at {path}; see --stem")
    return local, stamp


def stem_of(run: RunContext, clip: Clip) -> SectionStore:
    scratch = run.scratch(clip.job.track)
    return run.workspace.stem(clip.stem_key, clip.source.num_channels, scratch)


def delta_of(run: RunContext, clip: Clip, recipe: Recipe) -> SectionStore:
    track, channels = clip.job.track, clip.source.num_channels
    return run.workspace.delta(track, clip.key, recipe.section, channels, run.scratch(track))


def is_whole(clip: Clip, recipe: Recipe, store: SectionStore) -> bool:
    """Whether all sections of the track are finished in a store."""
    store.look()
    return store.finished().issuperset(sections(clip.source.model_length, recipe.section))


def measured(clip: Clip, recipe: Recipe, stem: SectionStore) -> tuple[ToneFit, StemFacts]:
    """What the stage `measure` has found."""
    fit, facts = known_fit(recipe, stem), stem_facts(stem, clip.source.model_length)
    assert fit is not None
    assert facts is not None
    return fit, facts
