"""The state of a track when a stage begins: its input, stem, delta and measurements."""

from __future__ import annotations

from morphsep.dsp import sections
from morphsep.morphing import Recipe, StemFacts, ToneFit
from morphsep.request import Job
from morphsep.stages.amounts import with_known_curve
from morphsep.stages.clip import Clip
from morphsep.stages.readable import Readable, StemFile, changed, stem_file
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


def open_sound(run: RunContext, clip: Clip) -> Readable:
    """What is separated: the input, or what was made of it before.

    Raises:
        TrackError: as `open_input`.
    """
    if not clip.sound:
        return open_input(run, clip)
    readable = Readable(clip.sound, run.scratch(clip.job.track), None, clip.sound_stamp)
    if clip.sound_stamp and readable.stamp != clip.sound_stamp:
        raise changed("the repaired sound")
    return readable


def own_stem_path(job: Job) -> str | None:
    """Where the user's stem of an input lies, if there is one."""
    if job.settings.stem is None:
        return None
    from morphsep.separators.own_stem import resolve_stem

    return resolve_stem(job.settings.stem, job.path)


def own_stem_of(run: RunContext, clip: Clip) -> StemFile | None:
    """The user's stem on this machine, if there is one.

    Raises:
        TrackError: it is not there, or is not what it was when the track was prepared.
    """
    path = own_stem_path(clip.job)
    if path is None:
        return None
    own_stem = stem_file(path, run.scratch(clip.job.track))
    if clip.stem_stamp and own_stem.stamp != clip.stem_stamp:
        raise changed("the stem")
    return own_stem


def stem_of(run: RunContext, clip: Clip) -> SectionStore:
    scratch = run.scratch(clip.job.track)
    return run.workspace.stem(clip.stem_key, clip.source.num_channels, scratch)


def delta_of(run: RunContext, clip: Clip, recipe: Recipe) -> SectionStore:
    track, channels = clip.job.track, clip.source.num_channels
    return run.workspace.delta(track, clip.key, recipe.section, channels, run.scratch(track))


def morphed_length(clip: Clip, recipe: Recipe) -> int:
    """Length of the track's result at 44.1 kHz, in samples."""
    return recipe.length(clip.source.num_samples, clip.source.sample_rate)


def is_whole(length: int, recipe: Recipe, store: SectionStore) -> bool:
    """Whether all sections of so many samples at 44.1 kHz are finished in a store."""
    store.look()
    return store.finished().issuperset(sections(length, recipe.section))


def measured_recipe(run: RunContext, clip: Clip, stem: SectionStore) -> Recipe:
    """The recipe of a track that the stage `measure` has seen: with the curve of its amount."""
    recipe = with_known_curve(run.recipe(clip.job.settings), stem)
    assert recipe is not None
    return recipe


def measured(clip: Clip, recipe: Recipe, stem: SectionStore) -> tuple[ToneFit, StemFacts]:
    """What the stage `measure` has found."""
    fit, facts = known_fit(recipe, stem), stem_facts(stem, clip.source.model_length)
    assert fit is not None
    assert facts is not None
    return fit, facts
