"""Recipes that ship with morphsep, by name."""

from __future__ import annotations

from pathlib import Path

from morphsep.errors import SettingError

FOLDER = Path(__file__).parent


def example_names() -> list[str]:
    """Names of the recipes that ship."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def example(name: str) -> str:
    """The text of a recipe that ships.

    Raises:
        SettingError: there is none of that name.
    """
    if name not in example_names():
        raise SettingError(
            f"no example is called {name!r}; there are: {', '.join(example_names())}"
        )
    return (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
