"""Tones of a recipe that are files: copied into the data set, named by their content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from morphsep.dataset.recipe import DataRecipe
from morphsep.request import pack_file, unpack_file
from morphsep.storage import Location

TONES = "tones"
"""Their folder, below the data set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneFiles:
    """Where any worker finds them."""

    folder: Location
    names: Mapping[str, str] = field(default_factory=dict)
    """Name in the recipe -> name below `folder`."""

    @classmethod
    def copied(cls, recipe: DataRecipe, out: Location) -> ToneFiles:
        """Those of a recipe, copied from where it says that they lie.

        Raises:
            SettingError: one cannot be read.
        """
        folder = out / TONES
        names = {name: pack_file(place, folder) for name, place in recipe.places.items()}
        return cls(folder=folder, names=names)

    def remove_others(self) -> None:
        """Removes those of a recipe that was given up."""
        wanted = {name.partition("/")[0] for name in self.names.values()}
        below = (file.text.removeprefix(f"{self.folder}/") for file in self.folder.walk())
        for name in {each.partition("/")[0] for each in below} - wanted:
            (self.folder / name).remove_tree()

    def places(self) -> dict[str, str]:
        """Paths on this machine, by their names in the recipe.

        Raises:
            SettingError: one was changed since, or is not there.
        """
        return {name: unpack_file(self.folder, packed) for name, packed in self.names.items()}

    def placed(self, recipe: DataRecipe) -> DataRecipe:
        """The recipe with these files.

        Raises:
            SettingError: see `places`.
        """
        return replace(recipe, places=self.places()) if self.names else recipe
