"""A passage at every stop of the knob between two tones, and what is measured there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath

import numpy as np

from morphsep.backends import Passage
from morphsep.backends.chain import as_chain, chain_between
from morphsep.dsp import MODEL_RATE, ArrayReader, LoudnessMeter, Signal
from morphsep.errors import SettingError
from morphsep.evaluation import metrics
from morphsep.morphing import Recipe, StemFacts, measure_fit, recipe_for_arrays
from morphsep.request import make_settings
from morphsep.stops.excerpt import Excerpt, faded
from morphsep.stops.sine import Sine
from morphsep.tones import Stem, Tone
from morphsep.tones.chain import EffectChain

MOST_BYTES = 400 << 20
"""Of all sounds of a page, as a browser holds them."""
CONTRASTS = ("crossfade", "vocoder")
"""Backends that the same stops are rendered with, to be compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a page shows."""

    to: str
    from_: str = "clean"
    backend: str = "chain"
    steps: int = 11
    """Stops, both ends among them; 2 or more."""

    @property
    def amounts(self) -> list[float]:
        """Of the knob, 0 to 1."""
        return [k / (self.steps - 1) for k in range(self.steps)]


@dataclass(frozen=True, kw_only=True, eq=False)
class Way:
    """One backend's sounds at all stops, ``[C, T]`` each, and what is heard of them."""

    backend: str
    sounds: Sequence[Signal]
    harmonics: Sequence[float]
    """Total harmonic distortion of a sine in percent, at each stop."""

    @cached_property
    def loudness(self) -> list[float]:
        """LUFS of each (ITU-R BS.1770-4, gated lower where all is soft)."""
        return [_lufs(sound) for sound in self.sounds]

    @cached_property
    def positions(self) -> list[float]:
        """Where each stands in log-mel, from 0 at the first to 1 at the last: see
        `metrics.log_mel_positions`."""
        matched = metrics.match_loudness(self.sounds, MODEL_RATE)
        positions: list[float] = metrics.log_mel_positions(matched, MODEL_RATE).tolist()
        return positions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transition:
    """All that is known of the way between two tones."""

    wanted: Wanted
    excerpt: Excerpt
    ways: Sequence[Way]
    """The first is the morph, the others are there for contrast."""
    chains: Sequence[EffectChain]
    """What each stop is played through, if the morph turns the knobs of an effect chain."""
    tones: tuple[Tone, Tone]
    """Both ends."""

    @property
    def names(self) -> tuple[str, str]:
        """Of both tones, without folders."""
        first, last = (PurePath(tone.name).name for tone in self.tones)
        return first, last


def build_recipes(wanted: Wanted) -> dict[str, Recipe]:
    """What renders the morph and its contrasts, by backend.

    Raises:
        SettingError: no such tone or backend, or the backend cannot morph between these tones.
    """
    recipes = {
        name: recipe_for_arrays(
            make_settings(
                from_=wanted.from_, to=wanted.to, backend=name, amount="0.5", separator="none",
                uniform=False,
            )
        )
        for name in dict.fromkeys((wanted.backend, *CONTRASTS))
    }  # fmt: skip
    for recipe in recipes.values():
        recipe.backend.context(recipe.source, recipe.target)
    return recipes


def make_transition(excerpt: Excerpt, wanted: Wanted) -> Transition:
    """Renders and measures every stop, and the same stops by `CONTRASTS`.

    Raises:
        SettingError: see `build_recipes`; more than a browser should hold.
        TrackError: a tone cannot be fitted to this guitar.
    """
    recipes = build_recipes(wanted)
    size = excerpt.guitar.nbytes * wanted.steps * len(recipes)
    if size > MOST_BYTES:
        raise SettingError(
            f"a page would hold {size >> 20} MiB of sound, {MOST_BYTES >> 20} at most: take fewer "
            "--steps or --seconds"
        )
    stem, peak = _stem_of(excerpt.guitar)
    fitted = {name: _Rendering.of(recipe, stem, peak) for name, recipe in recipes.items()}
    tone, amounts = Sine(level=stem.level), wanted.amounts
    ways = [
        Way(
            backend=name, sounds=[faded(sound) for sound in each(excerpt.guitar, amounts)],
            harmonics=[tone.distortion(sound) for sound in each(tone.sound, amounts)],
        )
        for name, each in fitted.items()
    ]  # fmt: skip
    recipe = fitted[wanted.backend].recipe
    return Transition(
        wanted=wanted, excerpt=excerpt, ways=ways, chains=_chains(recipe, wanted),
        tones=(recipe.source, recipe.target),
    )  # fmt: skip


def _chains(recipe: Recipe, wanted: Wanted) -> list[EffectChain]:
    ends = as_chain(recipe.source), as_chain(recipe.target)
    if wanted.backend != "chain" or ends[0] is None or ends[1] is None:
        return []
    return [chain_between(ends[0], ends[1], amount) for amount in wanted.amounts]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rendering:
    """Both tones, fitted to one guitar, and how loud it is."""

    recipe: Recipe
    level: float
    """LUFS."""
    facts: Mapping[str, object]

    @classmethod
    def of(cls, recipe: Recipe, stem: Stem, peak: float) -> _Rendering:
        fit = measure_fit(recipe, stem, peak)
        return cls(recipe=fit.matched(recipe), level=stem.level, facts=fit.facts or {})

    def __call__(self, sound: Signal, amounts: Sequence[float]) -> list[Signal]:
        """A sound ``[C, T]``, silence around it, at each amount."""
        recipe = self.recipe
        before, after = recipe.backend.context(recipe.source, recipe.target)
        stem = np.pad(sound, ((0, 0), (before, after)))
        passage = Passage(
            stem=stem, start=-before, amount=np.zeros(stem.shape[1], np.float32),
            source_tone=recipe.source, target_tone=recipe.target, level=self.level,
            facts=self.facts,
        )  # fmt: skip
        _ = passage.source, passage.target  # rendered here, they serve all amounts
        moved = recipe.backend.morph([passage.at(amount) for amount in amounts])
        return [each[:, before : before + sound.shape[1]] for each in moved]


def _stem_of(guitar: Signal) -> tuple[Stem, float]:
    """A guitar as tones and backends see it, and its largest sample."""
    read, (channels, length) = ArrayReader(guitar, MODEL_RATE).read, guitar.shape
    facts = StemFacts.of(read, length, channels)
    return facts.stem(read, length, channels), facts.peak


def _lufs(sound: Signal) -> float:
    meter = LoudnessMeter(MODEL_RATE, sound.shape[0])
    meter.add(sound)
    return meter.integrated_at_any_level()
