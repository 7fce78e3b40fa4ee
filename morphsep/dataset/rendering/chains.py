"""Chains and single tones: the guitar through effects, without a knob."""

from __future__ import annotations

from collections.abc import Iterator

from morphsep.backends.chain import as_chain
from morphsep.dataset.drawing import draw_chains
from morphsep.dataset.recipe import Chains
from morphsep.dataset.rendering.rendered import Rendered
from morphsep.dataset.rendering.take import Take
from morphsep.dsp import Signal
from morphsep.morphing import measure_fit, recipe_for_arrays
from morphsep.request import AS_RECORDED, make_settings
from morphsep.tones import Stem, Tone


class ChainsRenderer:
    """Chains that are drawn for one source: its clips share out the draws."""

    def __init__(self, chains: Chains, place: int, seed: str, clips: int) -> None:
        """
        Args:
            place: in the recipe; names the rows.
            seed: of the source.
            clips: of the source, all together.
        """
        self._per_clip, self._place = chains.per_clip, place
        self._seed = f"{seed}/{place}"
        self._drawn = draw_chains(chains, self._seed, clips * chains.per_clip)

    def __call__(self, take: Take) -> Iterator[Rendered]:
        first = take.number * self._per_clip
        return (self._row(take, n) for n in range(first, first + self._per_clip))

    def _row(self, take: Take, n: int) -> Rendered:
        chain = self._drawn[n]
        return Rendered(
            name=f"{self._place:02d}-{n % self._per_clip}", wet=_through(chain, take),
            kind="chain", from_tone=AS_RECORDED, to_tone="drawn", backend="chain",
            to_chain=chain, chain=chain, seed=f"{self._seed}/{n}",
        )  # fmt: skip


class ToneRenderer:
    """One tone, fitted to a source's stem."""

    def __init__(self, tone: str, place: int, number: int, stem: Stem, peak: float) -> None:
        """
        Args:
            place: in the recipe, and `number` in its list: they name the rows.
            peak: the stem's largest absolute sample, linear.

        Raises:
            TrackError: the tone cannot be fitted to this stem.
        """
        self._name, self._place, self._number = tone, place, number
        recipe = recipe_for_arrays(
            make_settings(to=tone, separator="none", uniform=False, offline=True)
        )
        self._tone = measure_fit(recipe, stem, peak).matched(recipe).target

    def __call__(self, take: Take) -> Iterator[Rendered]:
        chain = as_chain(self._tone)
        yield Rendered(
            name=f"{self._place:02d}-{self._number}", wet=_through(self._tone, take), kind="tone",
            from_tone=AS_RECORDED, to_tone=self._name, to_chain=chain, chain=chain,
        )  # fmt: skip


def _through(tone: Tone, take: Take) -> Signal:
    passage = take.passage(tone, tone, tone.context)
    return take.within(passage.target, tone.context)
