"""The weights of Music2Latent: the published ones in our own store, or the user's file."""

from __future__ import annotations

from pathlib import Path

from morphsep import models
from morphsep.errors import SettingError
from morphsep.models import Bag, identity

SUFFIXES = (".pt", ".safetensors")


def resolve(given: str, offline: bool) -> Path:
    """The checked file with the weights.

    Args:
        given: empty (the published ones, fetched at the first use), or a ``.pt`` or
            ``.safetensors`` file, or the folder with it, here or in an object store.

    Raises:
        SettingError: they are missing, not the expected ones, or cannot be fetched.
    """
    return _bag(given, offline).files[0]


def hash_of(given: str, offline: bool) -> str:
    """sha256 (hex) of the weights, which are fetched if they are not here."""
    return identity(_bag(given, offline))


def _bag(given: str, offline: bool) -> Bag:
    if not given:
        return models.resolve(models.MUSIC2LATENT, offline=offline)
    if "://" not in given:
        path = Path(given).expanduser()
        if not path.exists():
            raise SettingError(
                f"There are no weights at {given}: name a .pt or .safetensors file or its folder."
            )
        given = str(path.resolve())
    bag = models.resolve(given, offline=offline)
    if len(bag.files) != 1 or bag.files[0].suffix not in SUFFIXES:
        raise SettingError(f"{given} holds no weights of Music2Latent (one .pt or .safetensors).")
    return bag
