"""Where model weights are: list, fetch, verify, find. Nothing is fetched when offline is set.

Searched in this order: ``$MORPHSEP_WEIGHTS`` (else the user's cache folder), the Hugging Face
cache, torch hub's cache. Fetched from where the installed demucs fetches them, or from
``$MORPHSEP_MODEL_URL``: any web server that serves a copy of the weights folder.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from morphsep.errors import NotHereError, SettingError
from morphsep.models.bags import Bag, Recipe, assemble, legacy_files, published, read_folder
from morphsep.models.checksums import check, identity
from morphsep.models.download import Progress, is_offline
from morphsep.models.from_bucket import local_copy
from morphsep.models.licences import licence_of
from morphsep.models.places import existing, user_cache, weights_dir
from morphsep.models.roformer_files import locate_named
from morphsep.models.roformers import ROFORMERS, how_to_get
from morphsep.models.sources import (
    HUB_FILES,
    PACKAGED,
    fetch_model,
    first_host,
    hub_repository,
    sources,
)

DEFAULT_MODEL = "htdemucs_6s"
MUSIC2LATENT = "music2latent"
CDPAM = "cdpam"

logger = logging.getLogger("morphsep")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """One line of ``morphsep models list``."""

    name: str
    licence: str
    urls: tuple[str, ...]
    """Where `fetch` looks, best first: the first file of the model at each host."""
    path: Path | None
    """Folder that holds it on this machine, None if it is not here."""
    num_bytes: int | None
    """Size of its files on this machine, None if it is not here."""
    is_fetched: bool = True
    """Whether ``morphsep models fetch`` brings it; else `page` says where it is kept."""
    page: str = ""
    file: str = ""
    """Name of its weights there, of `published_bytes` and with `sha256` (or its first digits; empty
    where it is not known)."""
    published_bytes: int | None = None
    sha256: str = ""


def list_models() -> tuple[ModelInfo, ...]:
    """Every bag that demucs knows by name, the default first; then models of backends and metrics.
    No network; loads torch."""
    names = sorted(name for name in published() if name not in legacy_files())
    names.sort(key=lambda name: name != DEFAULT_MODEL)
    names += [*HUB_FILES, *PACKAGED]
    return tuple(_info(name) for name in names) + tuple(map(_roformer_info, ROFORMERS))


def _roformer_info(name: str) -> ModelInfo:
    known, bag = ROFORMERS[name], locate_named(name)
    return ModelInfo(
        name=name,
        licence=known.licence,
        urls=(),
        path=bag.files[0].parent if bag else None,
        num_bytes=sum(file.stat().st_size for file in bag.files) if bag else None,
        is_fetched=False,
        page=known.page,
        file=known.file,
        published_bytes=known.num_bytes,
        sha256=known.sha256,
    )


def _info(name: str) -> ModelInfo:
    bag = locate(name)
    return ModelInfo(
        name=name,
        licence=licence_of(name),
        urls=tuple(files[0].url for files in sources(_known()[name])),
        path=bag.files[0].parent if bag else None,
        num_bytes=sum(file.stat().st_size for file in bag.files) if bag else None,
    )


def _known() -> dict[str, Recipe]:
    """What can be fetched by name."""
    others = (*HUB_FILES, *PACKAGED)
    return {**published(), **{name: Recipe(name=name, signatures=(name,)) for name in others}}


def locate(model: str, offline: bool = False) -> Bag | None:
    """The files of a model (a name, a folder, a file) on this machine, None if they are not here.

    A folder or file in an object store (``s3://...``) is copied here first, once.

    Raises:
        SettingError: no such name and no such folder.
    """
    if "://" in model:
        return read_folder(local_copy(model, weights_dir(), is_offline(offline)))
    if model in ROFORMERS:
        return locate_named(model)
    recipe = _known().get(model)
    if recipe is not None:
        bags = (assemble(recipe, folder) for folder in _folders(recipe))
        return next((bag for bag in bags if bag is not None), None)
    found = existing(model) or existing(str(weights_dir() / model))
    if found is not None:
        return read_folder(found)
    names = ", ".join(name for name in published() if name not in legacy_files())
    raise SettingError(f"No Demucs model or folder {model!r}. Known by name: {names}.")


def _folders(recipe: Recipe) -> Iterator[Path]:
    yield weights_dir() / recipe.name
    yield from _hub_cache(recipe.name)
    torch_home = Path(os.environ.get("TORCH_HOME") or user_cache() / "torch")
    yield torch_home / "hub" / "checkpoints"


def _hub_cache(name: str) -> Iterator[Path]:
    """Snapshots in the Hugging Face cache, those of the model's own repository only."""
    from huggingface_hub.constants import HF_HUB_CACHE

    file = HUB_FILES[name][1] if name in HUB_FILES else f"{name}.yaml"
    # Demucs is asked for its repository's name only if there is something: it loads torch.
    if found := sorted(Path(HF_HUB_CACHE).glob(f"models--*/snapshots/*/{file}")):
        wanted = "models--" + hub_repository(name).replace("/", "--")
        yield from (file.parent for file in found if file.parts[-4] == wanted)


def available(model: str) -> bool:
    """Whether a model's files are on this machine. Opens no socket."""
    return locate(model) is not None


def reachable(model: str, timeout: float = 10.0) -> bool:
    """Whether `fetch` would find a host that has the model; decided within `timeout` seconds."""
    recipe = _known().get(model)
    if recipe is None or (is_offline() and model not in PACKAGED):
        return False
    return first_host(recipe, timeout)


def path(model: str) -> Path:
    """Folder that holds the model, or into which `fetch` would bring it."""
    bag = locate(model)
    return bag.files[0].parent if bag else weights_dir() / model


def fetch(model: str, *, offline: bool = False, progress: Progress | None = None) -> Path:
    """Folder with the model's verified files; brought here first if need be.

    Raises:
        SettingError: not here and offline is set, or no host has it, or a checksum is wrong.
    """
    return resolve(model, offline=offline, progress=progress).files[0].parent


def resolve(model: str, *, offline: bool = False, progress: Progress | None = None) -> Bag:
    """Like `fetch`, but returns the files themselves."""
    bag = locate(model, offline)
    recipe = _known().get(model)
    if bag is not None:
        try:
            check(bag)
            return bag
        except SettingError as error:
            if recipe is None or _must_be_here(model, offline):
                raise
            logger.warning("%s Fetching it again.", error)
    if model in ROFORMERS:
        raise SettingError(how_to_get(model, weights_dir() / model))
    if _must_be_here(model, offline):
        raise NotHereError(
            f"The weights of {model} are not on this machine and offline is set. Run `morphsep "
            f"models fetch {model}` where there is a network, then copy {weights_dir() / model}."
        )
    assert recipe is not None  # locate has refused every other name
    return fetch_model(recipe, weights_dir() / recipe.name, progress)


def _must_be_here(model: str, offline: bool) -> bool:
    """Whether a model could only come through the network, and that is forbidden."""
    return is_offline(offline) and model not in PACKAGED


def verify(model: str) -> dict[Path, bool]:
    """Check the files of a model against their checksums; returns of each whether one is known. It
    could not be checked else. Opens no socket.

    Raises:
        SettingError: a file is missing or is not what it was.
    """
    bag = locate(model)
    if bag is None:
        raise SettingError(f"{model} is not on this machine: morphsep models fetch {model}")
    return check(bag)


def hash_of(model: str) -> str:
    """sha256 (hex) over a model's weights: of its file if it is one file without further settings.

    Raises:
        SettingError: it is not on this machine.
    """
    bag = locate(model)
    if bag is None:
        raise SettingError(f"{model} is not on this machine: morphsep models fetch {model}")
    return identity(bag)
