"""The curve of an amount that follows the playing."""

from __future__ import annotations

from morphsep.following import follow
from morphsep.morphing.blas import one_blas_thread
from morphsep.morphing.estimate import EstimateFacts
from morphsep.morphing.recipe import Recipe
from morphsep.request import Following
from morphsep.tones import Stem


def with_curve(recipe: Recipe, stem: Stem, estimate: EstimateFacts | None) -> Recipe:
    """The recipe with the curve of its amount on one stem; one that has it as it is.

    Args:
        estimate: what was measured of a stem that is one.
    """
    if not isinstance(recipe.amount, Following):
        return recipe
    share = estimate.share if estimate is not None else None
    with one_blas_thread():  # or sums, and so the curve, would depend on the machine's cores
        curve = follow(recipe.amount, stem.read, stem.num_samples, share)
    return recipe.with_amount(curve)
