"""What a Demucs model is on disk: a bag of checkpoints, their weight per source, a segment.

Reads names and layouts only, from the installed ``demucs`` package and from folders; loads no
torch, so that asking "is it here?" stays cheap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from morphsep.errors import SettingError

SUFFIXES = (".safetensors", ".th", ".pt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A published model: which checkpoints, how much each counts, over what length they run."""

    name: str
    signatures: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...] | None = None
    """One row a checkpoint, one number a source; None: all count the same."""
    segment: float | None = None
    """Seconds; None: each checkpoint's own."""
    digests: tuple[str, ...] = ()
    """Checksums of the files, or their first digits, as far as they are known beforehand; empty
    texts, or none at all, where they are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bag:
    """A recipe whose checkpoints are on this machine, one file for each signature, in order."""

    recipe: Recipe
    files: tuple[Path, ...]


def published() -> Mapping[str, Recipe]:
    """Models that the installed demucs knows by name, and its single checkpoints by signature.

    Models quantised by ``diffq`` (names that end in ``_q``) are left out: their state is a nested
    structure with classes in it, which we do not load.
    """
    return _published()


@cache
def _published() -> dict[str, Recipe]:
    bags = [read_recipe(path) for path in sorted(_remote().glob("*.yaml"))]
    quantised = {sig for bag in bags if bag.name.endswith("_q") for sig in bag.signatures}
    known = {bag.name: bag for bag in bags if not bag.name.endswith("_q")}
    for signature in legacy_files():
        if signature not in quantised:
            known.setdefault(signature, Recipe(name=signature, signatures=(signature,)))
    return known


@cache
def legacy_files() -> dict[str, str]:
    """Signature -> path under demucs' old download site, ``root/<signature>-<sha256[:8]>.th``."""
    root, found = "", {}
    for line in (_remote() / "files.txt").read_text().splitlines():
        if line.startswith("root:"):
            root = line.removeprefix("root:").strip()
        elif line.strip() and not line.startswith("#"):
            found[line.split("-", 1)[0]] = root + line.strip()
    return found


def definition(name: str) -> Path | None:
    """The ``.yaml`` of a published bag, None for a single checkpoint."""
    path = _remote() / f"{name}.yaml"
    return path if path.exists() else None


def _remote() -> Path:
    spec = find_spec("demucs")
    if spec is None or not spec.submodule_search_locations:
        raise SettingError("The package demucs is not installed: pip install demucs.")
    return Path(spec.submodule_search_locations[0]) / "remote"


def read_recipe(path: Path) -> Recipe:
    """The recipe in a bag's ``.yaml``.

    Raises:
        SettingError: the file does not describe a bag.
    """
    import yaml

    try:
        content: Any = yaml.safe_load(path.read_text())
        weights, segment = content.get("weights"), content.get("segment")
        return Recipe(
            name=path.stem,
            signatures=tuple(str(signature) for signature in content["models"]),
            weights=weights and tuple(tuple(map(float, row)) for row in weights),
            segment=None if segment is None else float(segment),
        )
    except (OSError, AttributeError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise SettingError(f"{path} does not describe a Demucs model: {error!r}.") from error


def assemble(recipe: Recipe, folder: Path) -> Bag | None:
    """The recipe with its files out of `folder`, None if one of them is not there."""
    files = [_checkpoint(folder, signature) for signature in recipe.signatures]
    present = tuple(file for file in files if file is not None)
    return Bag(recipe=recipe, files=present) if len(present) == len(files) else None


def _checkpoint(folder: Path, signature: str) -> Path | None:
    exact = [folder / f"{signature}{suffix}" for suffix in SUFFIXES]
    hashed = sorted(folder.glob(f"{signature}-*.th"))
    return next((path for path in exact[:1] + hashed + exact[1:] if path.is_file()), None)


def read_folder(path: Path) -> Bag:
    """The model in a folder (``.yaml`` + ``.safetensors`` or ``.th``, or one of these) or file.

    Raises:
        SettingError: there is no model, or more than one.
    """
    if path.is_file():
        return _single(path) if path.suffix in SUFFIXES else _complete(path)
    recipes = sorted(path.glob("*.yaml"))
    named = [recipe for recipe in recipes if recipe.stem == path.name] or recipes
    if len(named) == 1:
        return _complete(named[0])
    checkpoints = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES)
    if not named and len(checkpoints) == 1:
        return _single(checkpoints[0])
    found = [file.name for file in named or checkpoints]
    raise SettingError(
        f"{path} should hold one Demucs model (a .yaml with its .safetensors or .th files, or one "
        f"such file alone), but holds {', '.join(found) or 'none'}. Name the file itself."
    )


def _single(file: Path) -> Bag:
    signature = file.stem.rsplit("-", 1)[0] if file.suffix == ".th" else file.stem
    return Bag(recipe=Recipe(name=signature, signatures=(signature,)), files=(file,))


def _complete(file: Path) -> Bag:
    recipe = read_recipe(file)
    bag = assemble(recipe, file.parent)
    if bag is None:
        missing = [s for s in recipe.signatures if _checkpoint(file.parent, s) is None]
        raise SettingError(
            f"{file.parent} lacks the checkpoints {', '.join(missing)} of {file.name}."
        )
    return bag
