"""The items of a recipe, made ready for one source."""

from __future__ import annotations

from collections.abc import Iterator

from morphsep.dataset.recipe import Chains, DataRecipe, Ladder, Tones
from morphsep.dataset.rendering.chains import ChainsRenderer, ToneRenderer
from morphsep.dataset.rendering.ladder import LadderRenderer
from morphsep.dataset.rendering.rendered import Renderer
from morphsep.tones import Stem


def renderers(
    recipe: DataRecipe, stem: Stem, peak: float, seed: str, clips: int
) -> Iterator[Renderer]:
    """What renders each item of the recipe.

    Args:
        stem: the source's, in the channels of the data set.
        peak: its largest absolute sample, linear.
        seed: of the source.
        clips: of the source.

    Raises:
        TrackError: a tone cannot be fitted to this stem.
    """
    for place, each in enumerate(recipe.render):
        match each:
            case Ladder():
                yield LadderRenderer(each, place, stem, peak)
            case Chains():
                yield ChainsRenderer(each, place, seed, clips)
            case Tones():
                for number, tone in enumerate(each.tones):
                    yield ToneRenderer(tone, place, number, stem, peak)
