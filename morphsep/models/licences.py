"""What is known of the licence of weights. The MIT licence of Demucs' repository names its code."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from morphsep.models.bags import Bag, legacy_files, published
from morphsep.models.checksums import expected, sha256_of

UNKNOWN = "not known to morphsep: whoever has fetched these weights knows where they are from"
HTDEMUCS = "MIT, its author's page says since July 2026 (huggingface.co/adefossez/HTDemucs)"
DEMUCS = (
    "we have seen only the 'for research purpose' of its authors (facebookresearch/demucs#327, "
    "#508), not the MIT that htdemucs has since July 2026"
)
OTHERS = {"music2latent": "CC-BY-NC-4.0", "cdpam": "MIT"}
"""Of models other than Demucs; CDPAM's is the one that its package's classifier names."""


def licence_of(name: str) -> str:
    """Of the published model of a name."""
    return OTHERS.get(name) or _of_checkpoints(published()[name].signatures)


def licence_of_demucs(model: str, bag: Bag) -> str:
    """Of the weights of a Demucs model, told by their checksums.

    Args:
        model: the name or the path by which `bag` was found. Under a published name a checksum
            counts, too, that the hub stated when a file was fetched.
    """
    from_hub = model in published()
    pairs = zip(bag.files, bag.recipe.signatures, strict=True)
    found = [
        _published(file) or (_as_fetched(file, sig) if from_hub else "") for file, sig in pairs
    ]
    return f"{bag.recipe.name}: {_of_checkpoints(found)}" if all(found) else UNKNOWN


def _published(file: Path) -> str:
    """The signature of the published checkpoint that a file is; empty if it is none."""
    actual = sha256_of(file)
    names = {signature: Path(place).stem for signature, place in legacy_files().items()}
    known = (sig for sig, name in names.items() if actual.startswith(name.rsplit("-", 1)[1]))
    return next(known, "")


def _as_fetched(file: Path, signature: str) -> str:
    """The signature, if the file has the whole checksum under which it came."""
    return signature if expected(file) == sha256_of(file) else ""


def _of_checkpoints(signatures: Iterable[str]) -> str:
    free = set(signatures) <= set(published()["htdemucs"].signatures)
    return HTDEMUCS if free else DEMUCS
