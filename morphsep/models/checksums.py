"""sha256 of weights: recorded beside the files when first fetched, checked ever after."""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path

from morphsep.errors import SettingError
from morphsep.models.bags import Bag
from morphsep.storage import digest_file, whole

RECORD = "checksums.json"
"""Beside fetched files: ``{file name: sha256}``."""


def sha256_of(path: Path) -> str:
    """sha256 (hex) of a file; remembered for as long as its size and modification time stay."""
    status = path.stat()
    return _sha256(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=256)
def _sha256(path: Path, size: int, mtime: int) -> str:
    return digest_file(path)


def expected(path: Path) -> str:
    """The checksum that a file must have, or its first digits; empty if nothing is known.

    From the record beside it, from its name (``<signature>-<sha256[:8]>.th``), or from the name
    of the blob that it links to in the Hugging Face cache. That blob may be a link in turn, to a
    store that all repositories share: names there are hashes of another kind.
    """
    recorded = read_record(path.parent).get(path.name)
    linked = path.readlink().name if path.is_symlink() else path.name
    blob = re.fullmatch(r"[0-9a-f]{64}", linked)
    named = re.fullmatch(r".+-([0-9a-f]{8,64})\.th", path.name)
    return recorded or (blob[0] if blob else named[1] if named else "")


def read_record(folder: Path) -> dict[str, str]:
    """The record in a folder, empty if there is none.

    Raises:
        SettingError: it cannot be read.
    """
    record = folder / RECORD
    try:
        return dict(json.loads(record.read_text())) if record.exists() else {}
    except (OSError, ValueError, TypeError) as error:
        raise SettingError(f"{record} cannot be read ({error}): delete it, fetch again.") from error


def write_record(folder: Path, record: dict[str, str]) -> None:
    """Replace the record in one step."""
    with whole(folder / RECORD) as part:
        part.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")


def check(bag: Bag) -> dict[Path, bool]:
    """Whether a checksum is known of each file of the bag; those that have one have been checked.

    Raises:
        SettingError: a file is not what its checksum says.
    """
    checked = {}
    for path, known in zip_longest(bag.files, bag.recipe.digests, fillvalue=""):
        assert isinstance(path, Path)  # no recipe has more digests than files
        wanted, actual = known or expected(path), sha256_of(path)
        if not actual.startswith(wanted):
            raise SettingError(
                f"{path} has checksum {actual}, expected {wanted}: damaged or exchanged; delete it."
            )
        checked[path] = bool(wanted)
    return checked


def identity(bag: Bag) -> str:
    """One sha256 (hex) for a model: of its only file, or of all files, weights and the segment."""
    files, recipe = [sha256_of(path) for path in bag.files], bag.recipe
    if len(files) == 1 and recipe.weights is None and recipe.segment is None:
        return files[0]
    text = json.dumps([files, recipe.weights, recipe.segment])
    return hashlib.sha256(text.encode()).hexdigest()
