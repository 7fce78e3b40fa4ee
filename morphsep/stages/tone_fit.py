"""What a pair of tones needs to know of a track's stem, kept beside the stem: measured once for the
whole track, so that no section and no chunk can differ from its neighbour."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from morphsep import morphing
from morphsep.backends.perceptual import Warp
from morphsep.morphing import Recipe, StemFacts, ToneFit, is_warped
from morphsep.stages.cached import exactly, keep, recall
from morphsep.stages.section_store import SectionStore
from morphsep.storage import Location, digest

VERSION = 1
"""Of the fits that are kept."""


def known_fit(recipe: Recipe, stem: SectionStore) -> ToneFit | None:
    """The fit as an earlier `measure_fit` has left it; None if there is none that can be used."""

    def parse(values: dict[str, Any]) -> ToneFit:
        warp = values["warp"]
        fit = exactly(ToneFit, values | {"warp": None if warp is None else Warp.from_json(warp)})
        fit.matched(recipe)  # the tones, too, must know what they are told
        return fit

    return recall(_file(recipe, stem), VERSION, parse)


def measure_fit(recipe: Recipe, stem: SectionStore, num_samples: int, facts: StemFacts) -> ToneFit:
    """Measures both tones on a whole stem, and keeps what was found beside it.

    Raises:
        TrackError: a tone cannot be fitted to this stem.
    """
    view = facts.stem(stem.read, num_samples, stem.num_channels)
    fit = morphing.measure_fit(recipe, view, facts.peak)
    values = asdict(fit) | {"warp": fit.warp.to_json() if fit.warp else None}
    keep(_file(recipe, stem), VERSION, values)
    return fit


def _file(recipe: Recipe, stem: SectionStore) -> Location:
    amount = recipe.amount.constant if is_warped(recipe) else None
    name = digest(recipe.warp_key, is_warped(recipe), recipe.amount.is_zero, amount)
    return stem.folder / "pairs" / f"{name[:32]}.json"
