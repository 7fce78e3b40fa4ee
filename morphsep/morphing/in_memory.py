"""A recording that is an array, morphed as the stages morph a file, and with the same functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from morphsep.backends import Fetching
from morphsep.backends.perceptual import Warp
from morphsep.dsp import MODEL_RATE, ArrayReader, ModelRateReader, Moments, Signal, sections
from morphsep.errors import SettingError, TrackError
from morphsep.morphing.amounts import with_curve
from morphsep.morphing.blas import one_blas_thread
from morphsep.morphing.estimate import EstimateFacts
from morphsep.morphing.mix import READ_BLOCK, MixView, put_back
from morphsep.morphing.morpher import Morpher
from morphsep.morphing.recipe import Recipe, build_anew
from morphsep.morphing.settling import is_pattern, settle_anew
from morphsep.morphing.song_trim import change_of
from morphsep.morphing.stem_facts import StemFacts
from morphsep.morphing.tone_fit import ToneFit, is_warped, measure_fit
from morphsep.request import Settings
from morphsep.storage import is_remote
from morphsep.tones import Stem


def recipe_for_arrays(settings: Settings) -> Recipe:
    """The recipe of settings as a user writes them, built anew, with the weights of its backend on
    this machine.

    Raises:
        SettingError: settings that cannot work, or that only files have.
    """
    if settings.stem is not None and (is_pattern(settings.stem) or is_remote(settings.stem)):
        raise SettingError(f"the stem of an array is a file on this machine, not {settings.stem!r}")
    recipe = build_anew(settle_anew(settings))
    if isinstance(recipe.backend, Fetching):
        recipe.backend.fetch()
    return recipe


def morph_samples(recipe: Recipe, samples: Signal, sample_rate: int) -> Signal:
    """A recording with its guitar changed, ``[C, T]`` at its own rate as it came in, and longer by
    its tail (`Recipe.tail`).

    Args:
        samples: finite, of one or two channels.

    Raises:
        TrackError: the guitar cannot be separated, or a tone or the backend cannot do it.
    """
    (morphed,) = _morphed(recipe, samples, sample_rate, [recipe])
    return morphed


def morph_samples_at(
    recipe: Recipe, samples: Signal, sample_rate: int, amounts: Iterable[str]
) -> Iterator[Signal]:
    """The same at several amounts: separated and measured once, so that each costs its morph alone.

    Args:
        recipe: its own amount, which is not 0, does not count.

    Raises:
        SettingError: an amount that is none or 0, or a recipe that spaces amounts by what is heard,
            which is measured for each.
        TrackError: see `morph_samples`.
    """
    recipes = [recipe.at(amount) for amount in amounts]
    if any(each.amount.is_zero or is_warped(each) for each in recipes):
        raise SettingError("several amounts at once are those of the knob, and none of them is 0")
    yield from _morphed(recipe, samples, sample_rate, recipes)


def separate_samples(recipe: Recipe, samples: Signal, sample_rate: int) -> Signal:
    """The guitar of a recording, ``[C, T]`` at 44.1 kHz.

    Args:
        samples: finite, of one or two channels.

    Raises:
        TrackError: it cannot be separated.
    """
    return _separated(recipe, _view(recipe, samples, sample_rate))


def _morphed(
    recipe: Recipe, samples: Signal, sample_rate: int, recipes: Iterable[Recipe]
) -> Iterator[Signal]:
    """By recipes that differ from the first one in the amount alone, which is a curve unless it is
    that one."""
    mix = _view(recipe, samples, sample_rate)
    guitar = _separated(recipe, mix)
    estimate = _looked_at(recipe, mix, guitar) if recipe.is_estimate else None
    read = ArrayReader(guitar, MODEL_RATE).read
    facts = StemFacts.of(read, guitar.shape[1], guitar.shape[0])
    stem = facts.stem(read, guitar.shape[1], guitar.shape[0])
    followed = with_curve(recipe, stem, estimate)
    with one_blas_thread():
        fit = measure_fit(followed, stem, facts.peak)
    for each in (followed if one is recipe else one for one in recipes):
        longer = replace(stem, num_samples=each.length(samples.shape[1], sample_rate))
        delta = ArrayReader(_delta(each, longer, fit), MODEL_RATE).read
        if estimate is not None:
            delta = change_of(mix, each, estimate, read, delta)[0].read
        rings_out = np.pad(samples, ((0, 0), (0, each.tail(sample_rate))))
        yield put_back(rings_out, 0, delta, sample_rate)


def _view(recipe: Recipe, samples: Signal, sample_rate: int) -> MixView:
    reader = ModelRateReader(ArrayReader(samples, sample_rate))
    moments = Moments()
    for span in sections(samples.shape[1], READ_BLOCK):
        moments.add(samples[:, span.start : span.stop])
    return MixView(
        reader=reader, num_samples=reader.num_samples, num_channels=reader.num_channels,
        mean=moments.mean, std=moments.std, stem_path=_stem_path(recipe.settings),
    )  # fmt: skip


def _separated(recipe: Recipe, mix: MixView) -> Signal:
    """The guitar, ``[C, T]`` at 44.1 kHz."""
    stem = np.empty((mix.num_channels, mix.num_samples), np.float32)
    for span in sections(mix.num_samples, recipe.section):
        stem[:, span.start : span.stop] = recipe.separator.separate(mix, span.start, span.stop)
    if not np.isfinite(stem).all():
        raise TrackError("non_finite", "the separated guitar holds NaN or infinity")
    return stem


def _looked_at(recipe: Recipe, mix: MixView, samples: Signal) -> EstimateFacts:
    """What an estimated stem is worth.

    Raises:
        TrackError: less than what is wanted.
    """
    stem = ArrayReader(samples, MODEL_RATE).read
    facts = EstimateFacts.of(mix.read, stem, mix.num_samples)
    if (why := facts.too_poor(recipe.settings.min_stem_quality)) is not None:
        raise TrackError("poor_stem", why)
    return facts


def _stem_path(settings: Settings) -> str | None:
    if settings.stem is None:
        return None
    from morphsep.separators.own_stem import resolve_stem

    return resolve_stem(settings.stem, "")


def _delta(recipe: Recipe, stem: Stem, fit: ToneFit) -> Signal:
    """What morphing changes in a guitar, ``[C, T]`` at 44.1 kHz."""
    delta = np.zeros((stem.num_channels, stem.num_samples), np.float32)
    with one_blas_thread():
        for section in sections(stem.num_samples, recipe.section):
            morpher = Morpher(
                section=section, recipe=fit.matched(recipe), stem=stem, warp=fit.warp or Warp(),
                facts=fit.facts,
            )  # fmt: skip
            reached = section.start
            for piece in morpher.delta() if morpher.changes else ():
                delta[:, reached : reached + piece.shape[1]] = piece
                reached += piece.shape[1]
    return delta
