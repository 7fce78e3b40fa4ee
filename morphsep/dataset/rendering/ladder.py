"""A take at several amounts between two tones, and crossfades of the same ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from morphsep.backends.chain import as_chain, chain_between
from morphsep.backends.ends import crossfade
from morphsep.dataset.recipe import Ladder
from morphsep.dataset.rendering.rendered import Rendered
from morphsep.dataset.rendering.take import Take
from morphsep.dsp import Signal
from morphsep.morphing import Recipe, ToneFit, measure_fit, recipe_for_arrays
from morphsep.request import make_settings
from morphsep.tones import Stem


class LadderRenderer:
    """Measures both tones on a source's stem once, for all of its clips."""

    def __init__(self, ladder: Ladder, place: int, stem: Stem, peak: float) -> None:
        """
        Args:
            place: of the ladder in its recipe; names its rows.
            peak: the stem's largest absolute sample, linear.

        Raises:
            TrackError: a tone cannot be fitted to this stem.
        """
        self._ladder, self._place = ladder, place
        recipe = ladder_recipe(ladder)
        self._fit: ToneFit = measure_fit(recipe, stem, peak)
        self._recipe = self._fit.matched(recipe)

    def __call__(self, take: Take) -> list[Rendered]:
        ladder, backend = self._ladder, self._recipe.backend
        source, target = self._recipe.source, self._recipe.target
        context = backend.context(source, target)
        passage = take.passage(source, target, context, facts=self._fit.facts)
        _ = passage.source, passage.target  # rendered here, they serve all amounts
        moved = [passage.at(amount) for amount in ladder.amounts]
        wets = [take.within(out, context) for out in backend.morph(moved)]
        rows = [self._row(wet, amount) for wet, amount in zip(wets, ladder.amounts, strict=True)]
        return [*rows, *(self._crossfades(wets) if ladder.crossfades else ())]

    def _row(self, wet: Signal, amount: float) -> Rendered:
        ladder = self._ladder
        first, last = as_chain(self._recipe.source), as_chain(self._recipe.target)
        between = None
        if ladder.backend == "chain" and first is not None and last is not None:
            between = chain_between(first, last, amount)
        return Rendered(
            name=self._name(amount), wet=wet, kind="ladder", amount=amount,
            from_tone=ladder.source, to_tone=ladder.target, backend=ladder.backend,
            ends=(self._name(0.0), self._name(1.0)), from_chain=first, to_chain=last,
            chain=between,
        )  # fmt: skip

    def _name(self, amount: float) -> str:
        return f"{self._place:02d}-{amount:g}"

    def _crossfades(self, wets: list[Signal]) -> Iterator[Rendered]:
        for amount in self._ladder.amounts[1:-1]:
            wet = crossfade(wets[0], wets[-1], np.asarray(amount, np.float32))
            yield replace(
                self._row(wet, amount), name=f"{self._name(amount)}-crossfade",
                kind="crossfade", backend="crossfade", chain=None,
            )  # fmt: skip


def ladder_recipe(ladder: Ladder) -> Recipe:
    """What morphs a ladder. Weights have to be on this machine.

    Raises:
        SettingError: they are not, or its backend cannot morph between these tones.
    """
    recipe = recipe_for_arrays(
        make_settings(
            from_=ladder.source, to=ladder.target, backend=ladder.backend, amount="0.5",
            separator="none", uniform=False, offline=True,
        )
    )  # fmt: skip
    recipe.backend.context(recipe.source, recipe.target)
    return recipe
