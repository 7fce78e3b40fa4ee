"""The files of an AudioLDM2 model: a folder in the hub's layout, or a hub name with its commit.

Only safetensors and text files are fetched or read; nothing that could run code when opened.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path

from morphsep.backends.diffusion.extra import extra
from morphsep.errors import NotHereError, SettingError
from morphsep.models import hub_answers, is_offline

DEFAULT_WEIGHTS = "cvssp/audioldm2"
REVISIONS = {
    "cvssp/audioldm2": "c8e7e189d324425c05c4c2f81214041ef4107983",
    "cvssp/audioldm2-large": "4b0b875a9e0c5305dfc917da808584e50e1c7ed4",
}
"""Commits used for a name without one, as users of these models have recorded them."""
PARTS = ("unet", "vae", "vocoder", "scheduler")
"""The folders that rendering needs."""
TEXT_PARTS = (
    "text_encoder",
    "text_encoder_2",
    "projection_model",
    "language_model",
    "tokenizer",
    "tokenizer_2",
)
"""The folders that encoding a prompt needs."""
SUFFIXES = (".json", ".safetensors", ".txt", ".model")
"""Suffixes of the files that are fetched and read."""

BLOCK = 1 << 16
BLOCKS = 64
"""Blocks of each file that `content_digest` reads."""


def is_folder(weights: str) -> bool:
    """Whether `weights` is a folder on this machine, not a hub name."""
    return Path(weights).expanduser().is_dir()


def check_weights(weights: str) -> None:
    """Check that `weights` can be a model, without reading any weights.

    Raises:
        SettingError: as for `pinned`, or the folder is not an AudioLDM2 model.
    """
    if is_folder(weights):
        check(Path(weights).expanduser())
    else:
        pinned(weights)


def identity(weights: str) -> str:
    """A model's identity on every machine: ``NAME@COMMIT``, or a folder's digest.

    Raises:
        SettingError: as for `check_weights`.
    """
    check_weights(weights)
    if is_folder(weights):
        return content_digest(Path(weights).expanduser())
    return pinned(weights)


def pinned(weights: str) -> str:
    """``NAME@COMMIT`` of a hub name, a folder as it is. No network, no libraries.

    Raises:
        SettingError: neither a folder nor a hub name with a commit.
    """
    if is_folder(weights):
        return weights
    name, _, revision = weights.partition("@")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise SettingError(
            f"no AudioLDM2 model at {weights!r}: give a folder in the hub's layout, or NAME@COMMIT"
        )
    revision = revision or REVISIONS.get(name, "")
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise SettingError(
            f"{weights!r} is neither a folder here nor a pinned hub model: "
            f"write {name}@COMMIT with all 40 digits of the commit"
        )
    return f"{name}@{revision}"


def folder_of(weights: str, offline: bool = False) -> Path:
    """The folder with the model's files; fetched into the hub's cache first if need be.

    Raises:
        SettingError: it is not here and offline is set, the hub does not deliver it, or it is not
            an AudioLDM2 model.
    """
    if is_folder(weights):
        folder = Path(weights).expanduser()
    else:
        folder = _from_hub(*pinned(weights).split("@"), offline=is_offline(offline))
    check(folder)
    return folder


def _from_hub(name: str, revision: str, *, offline: bool) -> Path:
    """Its folder in the hub's cache. A commit cannot change, so files that are here are not
    requested."""
    here = _snapshot(name, revision, local_files_only=True)
    if here is not None and all((here / part).is_dir() for part in (*PARTS, *TEXT_PARTS)):
        return here
    if offline:
        raise NotHereError(
            f"the model {name}@{revision} is not on this machine and cannot be fetched: offline is "
            "set"
        )
    if not hub_answers(name, "model_index.json"):
        raise SettingError(
            f"the model {name}@{revision} is not on this machine, and the hub does not answer for "
            "it. Is there a network? Or name a folder that holds it with --weights"
        )
    found = _snapshot(name, revision, local_files_only=False)
    assert found is not None
    return found


def _snapshot(name: str, revision: str, *, local_files_only: bool) -> Path | None:
    hub = extra("huggingface_hub")
    try:
        return Path(
            hub.snapshot_download(
                name,
                revision=revision,
                allow_patterns=[f"*{suffix}" for suffix in SUFFIXES],
                local_files_only=local_files_only,
            )
        )
    except Exception as error:
        # The hub's client has no common base class for its errors.
        if local_files_only:
            return None
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise SettingError(f"the model {name}@{revision} cannot be fetched: {why}") from error


def check(folder: Path) -> None:
    """Check that a folder is an AudioLDM2 model whose weights are safetensors.

    Raises:
        SettingError: it is not.
    """
    index = folder / "model_index.json"
    try:
        kind = json.loads(index.read_text(encoding="utf-8")).get("_class_name")
    except (OSError, ValueError, AttributeError) as error:
        raise SettingError(f"{folder} is no AudioLDM2 model: it has no model_index.json") from error
    if kind != "AudioLDM2Pipeline":
        raise SettingError(f"{folder} is no AudioLDM2 model: its model_index.json says {kind}")
    for part in PARTS:
        if not (folder / part).is_dir():
            raise SettingError(f"{folder} is no AudioLDM2 model: it has no folder {part}")
        if part != "scheduler" and not list((folder / part).glob("*.safetensors")):
            raise SettingError(
                f"{folder / part} has no safetensors file; other formats can run code and "
                "are not read"
            )


def content_digest(folder: Path) -> str:
    """sha256 (hex) over the names, sizes and 64 blocks of 64 KiB of each file that is read.

    Weights that were trained further differ in nearly every value, so blocks spread over a file
    tell them apart and read only a hundredth of it.
    """
    found = (p for part in (*PARTS, *TEXT_PARTS) for p in (folder / part).glob("*"))
    files = sorted(p for p in found if p.suffix in SUFFIXES)
    stamps = tuple((p, p.stat().st_size, p.stat().st_mtime_ns) for p in files)
    return _content_digest(folder, stamps)


@lru_cache(maxsize=16)
def _content_digest(folder: Path, stamps: tuple[tuple[Path, int, int], ...]) -> str:
    state = hashlib.sha256()
    for path, size, _ in stamps:
        state.update(f"{path.relative_to(folder).as_posix()} {size}\n".encode())
        with path.open("rb") as file:
            for position in _positions(size):
                file.seek(position)
                state.update(file.read(BLOCK))
    return state.hexdigest()


def _positions(size: int) -> list[int]:
    if size <= BLOCK * BLOCKS:
        return list(range(0, size, BLOCK))
    return [i * (size - BLOCK) // (BLOCKS - 1) for i in range(BLOCKS)]
