"""What a pair of tones needs to know of a track's stem before any of it is morphed: measured once
for the whole track, so that no section and no chunk can differ from its neighbour."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from morphsep.backends import BackendTraits, Measuring, Passage
from morphsep.backends.perceptual import Warp, measure
from morphsep.dsp import SILENT, Seconds, Signal, excerpts
from morphsep.morphing.recipe import Recipe
from morphsep.tones import Fitting, Stem, Tone, ToneTraits, measure_trim, trimmed

ONE_AMOUNT = 0.25
"""Share of a short stem that stands for it where one amount is looked for: as much as its morph
takes, with both ends and a few amounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneFit:
    """Both tones of a recipe, matched to one stem."""

    from_facts: dict[str, Any] | None = None
    to_facts: dict[str, Any] | None = None
    """What the tones found that had to be fitted; None: there was nothing to fit."""
    from_trim_db: float = 0.0
    to_trim_db: float = 0.0
    """Gains behind the tones that keep the stem's loudness, dB."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What the backend has measured for itself."""
    warp: Warp | None = None
    """The perceptual map of amounts; None if it is not used."""
    seconds: Seconds = 0.0
    """What measuring took."""

    @property
    def is_fitted(self) -> bool:
        """Whether a tone had to be fitted to the stem."""
        return self.from_facts is not None or self.to_facts is not None

    @property
    def warnings(self) -> list[str]:
        """What the tones that were fitted want known of this track, one sentence each."""
        both = [facts.get("warning") for facts in (self.from_facts, self.to_facts) if facts]
        return [each for each in both if each]

    def matched(self, recipe: Recipe) -> Recipe:
        """The recipe with its tones fitted and trimmed."""
        return replace(
            recipe,
            source=_matched(recipe.source, self.from_facts, self.from_trim_db),
            target=_matched(recipe.target, self.to_facts, self.to_trim_db),
        )


def _matched(tone: Tone, facts: dict[str, Any] | None, trim_db: float) -> Tone:
    if facts is not None:
        assert isinstance(tone, Fitting)
        tone = tone.fitted(facts)
    return trimmed(tone, trim_db)


def measure_fit(recipe: Recipe, stem: Stem, peak: float) -> ToneFit:
    """Measures both tones on a whole stem.

    Args:
        peak: the stem's largest absolute sample, linear.

    Raises:
        TrackError: a tone cannot be fitted to this stem.
    """
    began = time.perf_counter()
    fit = ToneFit()
    if peak >= SILENT and not recipe.amount.is_zero:  # else no chunk is ever morphed
        fit = _with_facts(_with_tones(recipe, stem), recipe, stem)
        fit = _with_warp(fit, recipe, stem)
    return replace(fit, seconds=time.perf_counter() - began)


def _with_tones(recipe: Recipe, stem: Stem) -> ToneFit:
    """What fits both tones to the stem and keeps its loudness."""
    found = [
        tone.fit(stem) if isinstance(tone, Fitting) else None
        for tone in (recipe.source, recipe.target)
    ]
    fit = ToneFit(from_facts=found[0], to_facts=found[1])
    both = fit.matched(recipe)
    trims = [
        measure_trim(tone, stem.read, stem.num_samples, stem.rms_per_second, stem.level)
        for tone in (both.source, both.target)
    ]
    return replace(fit, from_trim_db=trims[0], to_trim_db=trims[1])


def _with_facts(fit: ToneFit, recipe: Recipe, stem: Stem) -> ToneFit:
    """What the backend needs to know of the stem through both tones, whatever the amount."""
    backend, both = recipe.backend, fit.matched(recipe)
    if not isinstance(backend, Measuring):
        return fit
    passages = [
        Passage(
            stem=excerpt, start=start, amount=np.zeros(excerpt.shape[1], np.float32),
            source_tone=both.source, target_tone=both.target, level=stem.level,
        )
        for excerpt, start in _excerpts(both, stem)
    ]  # fmt: skip
    return replace(fit, facts=backend.measure(passages))


def _with_warp(fit: ToneFit, recipe: Recipe, stem: Stem) -> ToneFit:
    """The perceptual map, if it is used."""
    if not is_warped(recipe):
        return fit
    both, amount = fit.matched(recipe), recipe.amount.constant
    found = _excerpts(both, stem, 1.0 if amount is None else ONE_AMOUNT)
    warp = measure(
        recipe.backend, both.source, both.target, found, stem.level,
        amount=amount, with_context=True, facts=fit.facts,
    )  # fmt: skip
    return replace(fit, warp=warp)


def _excerpts(both: Recipe, stem: Stem, share: float = 1.0) -> list[tuple[Signal, int]]:
    context = both.backend.context(both.source, both.target)
    return excerpts(stem.read, stem.num_samples, stem.rms_per_second, context, share=share)


def is_warped(recipe: Recipe) -> bool:
    """Whether amounts are spaced by what is heard."""
    wanted = recipe.settings.uniform and not recipe.amount.is_trivial
    # Between other notes the amount is where a pitch lies, which is even by itself.
    ends = (recipe.source, recipe.target)
    wanted = wanted and all(ToneTraits.of(tone).same_notes for tone in ends)
    return wanted and BackendTraits.of(recipe.backend).uniform
