"""Recipes of data sets: read from YAML, checked before anything starts."""

from morphsep.dataset.recipe.examples import example, example_names
from morphsep.dataset.recipe.reading import parse_recipe, read_recipe
from morphsep.dataset.recipe.recipe import Chains, DataRecipe, Ladder, PedalRange, Tones

__all__ = [
    "Chains",
    "DataRecipe",
    "Ladder",
    "PedalRange",
    "Tones",
    "example",
    "example_names",
    "parse_recipe",
    "read_recipe",
]
