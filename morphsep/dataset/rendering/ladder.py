"""A take at several amounts between two tones, and crossfades of the same ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from morphsep.backends.chain import as_chain, chain_between
from morphsep.backends.ends import crossfade
from morphsep.dataset.recipe import Ladder
from morphsep.dataset.rendering.rendered import Ends, Rendered
from morphsep.dataset.rendering.take import Take
from morphsep.dsp import Signal
from morphsep.morphing import Recipe, ToneFit, measure_fit, recipe_for_arrays
from morphsep.request import make_settings
from morphsep.tones import Stem

TOGETHER = 4
"""Amounts that a backend morphs at once: their sound is all that is held of a ladder, besides its
ends."""


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

    def __call__(self, take: Take) -> Iterator[Rendered]:
        first, *inner, last = self._ladder.amounts
        wets = self._wets(take, (first, last, *inner))
        ends = Ends(next(wets).copy(), next(wets).copy())  # they outlive what lies around them
        yield self._row(ends.source, first, ends)
        for amount, wet in zip(inner, wets, strict=True):
            yield self._row(wet, amount, ends)
        yield self._row(ends.target, last, ends)
        if self._ladder.crossfades:
            for amount in inner:
                yield self._crossfade(amount, ends)

    def _wets(self, take: Take, amounts: Sequence[float]) -> Iterator[Signal]:
        """The take at each amount; `TOGETHER` of them are morphed at once."""
        backend, source, target = (
            self._recipe.backend, self._recipe.source, self._recipe.target,
        )  # fmt: skip
        context = backend.context(source, target)
        passage = take.passage(source, target, context, facts=self._fit.facts)
        _ = passage.source, passage.target  # rendered here, they serve all amounts
        for n in range(0, len(amounts), TOGETHER):
            moved = [passage.at(amount) for amount in amounts[n : n + TOGETHER]]
            yield from (take.within(out, context) for out in backend.morph(moved))

    def _row(self, wet: Signal, amount: float, ends: Ends) -> Rendered:
        ladder = self._ladder
        first, last = as_chain(self._recipe.source), as_chain(self._recipe.target)
        between = None
        if ladder.backend == "chain" and first is not None and last is not None:
            between = chain_between(first, last, amount)
        return Rendered(
            name=f"{self._place:02d}-{amount:g}", wet=wet, kind="ladder", amount=amount,
            from_tone=ladder.source, to_tone=ladder.target, backend=ladder.backend, ends=ends,
            from_chain=first, to_chain=last, chain=between,
        )  # fmt: skip

    def _crossfade(self, amount: float, ends: Ends) -> Rendered:
        wet = crossfade(ends.source, ends.target, np.asarray(amount, np.float32))
        row = self._row(wet, amount, ends)
        return replace(
            row, name=f"{row.name}-crossfade", kind="crossfade", backend="crossfade", chain=None
        )


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
