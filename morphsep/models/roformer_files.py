"""RoFormer checkpoints on this machine: a file of weights beside a yaml."""

from __future__ import annotations

from pathlib import Path

from morphsep.errors import SettingError
from morphsep.models.bags import Bag, Recipe
from morphsep.models.checksums import check, sha256_of
from morphsep.models.download import is_offline
from morphsep.models.from_bucket import local_copy
from morphsep.models.places import existing, weights_dir
from morphsep.models.roformers import ROFORMERS, how_to_get

SUFFIXES = (".ckpt", ".safetensors", ".pth", ".pt", ".th")
YAML = (".yaml", ".yml")


def locate_roformer(place: str, offline: bool = False) -> Bag:
    """The files of a RoFormer on this machine, weights and yaml: a known name, a folder, one of its
    two files, or a folder in an object store, which is copied here first, once.

    Raises:
        SettingError: there is none; says where a model of a known name is kept.
    """
    if "://" in place:
        if place.endswith((*SUFFIXES, *YAML)):
            raise SettingError(f"{place}: name the folder that holds it with its other file.")
        return read_roformer(local_copy(place, weights_dir(), is_offline(offline)))
    if place in ROFORMERS and (weights_dir() / place).exists():
        return read_roformer(weights_dir() / place, ROFORMERS[place].sha256)
    found = existing(place) or existing(str(weights_dir() / place))
    if found is not None:
        return read_roformer(found)
    if place in ROFORMERS:
        raise SettingError(how_to_get(place, weights_dir() / place))
    names = ", ".join(ROFORMERS)
    raise SettingError(f"No RoFormer or folder {place!r}. Known by name: {names}.")


def resolve_roformer(place: str, offline: bool = False) -> Bag:
    """Like `locate_roformer`; the files have been checked as far as a checksum is known."""
    bag = locate_roformer(place, offline)
    check(bag)
    return bag


def locate_named(name: str) -> Bag | None:
    """The files of a RoFormer that is known by name, None if they are not (all) on this machine."""
    folder = weights_dir() / name
    if not folder.is_dir():
        return None
    try:
        return read_roformer(folder, ROFORMERS[name].sha256)
    except SettingError:
        return None


def roformers_here() -> tuple[str, ...]:
    """Names of the RoFormers on this machine whose weights have the published checksum, best first;
    none of whose checksum nothing is known. Opens no socket."""
    return tuple(name for name in ROFORMERS if _is_published(name))


def _is_published(name: str) -> bool:
    bag, known = locate_named(name), ROFORMERS[name].sha256
    return bool(bag and known and sha256_of(bag.files[0]).startswith(known))


def read_roformer(path: Path, sha256: str = "") -> Bag:
    """Weights and yaml, in this order, of the model at a folder, a file of weights, or a yaml.

    Args:
        sha256: of the weights, or its first digits, where it is known.

    Raises:
        SettingError: one of them is missing, or it is not clear which.
    """
    folder, is_file = (path, False) if path.is_dir() else (path.parent, True)
    if is_file and path.suffix not in SUFFIXES + YAML:
        raise SettingError(
            f"{path} is neither weights ({', '.join(SUFFIXES)}) nor a yaml: name one of the two, "
            "or their folder."
        )
    yamls = [path] if is_file and path.suffix in YAML else _of_kind(folder, YAML)
    weights = [path] if is_file and path.suffix in SUFFIXES else _of_kind(folder, SUFFIXES)
    if len(yamls) > 1 and len(weights) == 1:
        yamls = _alike(yamls, weights[0])
    elif len(weights) > 1 and len(yamls) == 1:
        weights = _alike(weights, yamls[0])
    if len(yamls) != 1 or len(weights) != 1:
        raise SettingError(
            f"{path} should be one RoFormer: weights ({', '.join(SUFFIXES)}) beside their yaml. "
            f"Weights: {_names(weights)}; yaml: {_names(yamls)}. Of several, name the file."
        )
    recipe = Recipe(name=weights[0].stem, signatures=(weights[0].stem,), digests=(sha256, ""))
    return Bag(recipe=recipe, files=(weights[0], yamls[0]))


def _of_kind(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    try:
        return sorted(file for file in folder.iterdir() if file.suffix in suffixes)
    except OSError as error:
        raise SettingError(f"{folder} cannot be read: {error.strerror or error}.") from error


def _alike(files: list[Path], other: Path) -> list[Path]:
    """Those whose names go with another's: ``a.yaml`` or ``a_config.yaml`` with ``a.ckpt``."""
    one = other.stem.removesuffix("_config")
    return [file for file in files if file.stem.removesuffix("_config") == one] or files


def _names(files: list[Path]) -> str:
    return ", ".join(file.name for file in files) or "none"
