"""The curve of an amount that follows the playing, kept beside the stem: taken once from the whole
track, so that no section and no worker has another."""

from __future__ import annotations

from morphsep import morphing
from morphsep.morphing import EstimateFacts, Recipe, StemFacts
from morphsep.request import Curve
from morphsep.stages.cached import keep, recall
from morphsep.stages.estimate import measured_estimate
from morphsep.stages.section_store import SectionStore
from morphsep.stages.stems import stem_facts
from morphsep.storage import Location, digest

VERSION = 1
"""Of the curves that are kept."""


def with_known_curve(recipe: Recipe, stem: SectionStore) -> Recipe | None:
    """The recipe with the curve of its amount, if it has one or `with_curve` has left it."""
    if isinstance(recipe.amount, Curve):
        return recipe
    curve = recall(_file(recipe, stem), VERSION, lambda values: Curve.of(values["curve"]))
    return None if curve is None else recipe.with_amount(curve)


def with_curve(
    recipe: Recipe,
    stem: SectionStore,
    num_samples: int,
    facts: StemFacts,
    estimate: EstimateFacts | None,
) -> Recipe:
    """The recipe with the curve of its amount, taken from a whole stem now and kept, unless it is
    there."""
    if (known := with_known_curve(recipe, stem)) is not None:
        return known
    view = facts.stem(stem.read, num_samples, stem.num_channels)
    found = morphing.with_curve(recipe, view, estimate)
    keep(_file(recipe, stem), VERSION, {"curve": str(found.curve)})
    return found


def curve_of(recipe: Recipe, stem: SectionStore, num_samples: int) -> Curve:
    """The curve of an amount on a stem that the stage `measure` has seen."""
    facts, estimate = stem_facts(stem, num_samples), measured_estimate(recipe, stem)
    assert facts is not None
    return with_curve(recipe, stem, num_samples, facts, estimate).curve


def _file(recipe: Recipe, stem: SectionStore) -> Location:
    name = digest(*recipe.amount_key)
    return stem.folder / "amounts" / f"{name[:32]}.json"
