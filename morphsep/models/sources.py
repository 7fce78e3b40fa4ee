"""Where a published model is served, and fetching it from the first host that has all of it."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from morphsep.models.bags import Bag, Recipe, definition, legacy_files
from morphsep.models.checksums import read_record, sha256_of, write_record
from morphsep.models.download import DownloadError, Progress, any_answers, download, probe_url
from morphsep.models.hub import fetch_from_hub, hub_url, probe_hub
from morphsep.models.packaged import Packaged

logger = logging.getLogger("morphsep")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """One checkpoint at one host."""

    url: str
    sha256: str = ""
    """What is known of its checksum beforehand: its first digits, or nothing."""
    repository: str = ""
    """Owner and name on the Hugging Face hub, empty for another host."""

    @property
    def file(self) -> str:
        """The file's name."""
        return self.url.rsplit("/", 1)[1]

    def probe(self, timeout: float) -> None:
        """Raises an exception if the host does not have it or does not answer in time."""
        (probe_hub if self.repository else probe_url)(self.url, timeout)

    def fetch(self, target: Path, sha256: str, progress: Progress | None) -> str:
        """Bring it to `target`; return its sha256. Raises DownloadError."""
        if self.repository:
            return fetch_from_hub(
                self.repository, self.file, target, sha256=sha256, progress=progress
            )
        return download(self.url, target, sha256=sha256, progress=progress)


HUB_FILES = {"music2latent": ("SonyCSLParis/music2latent", "music2latent.pt")}
"""Models other than Demucs: repository on the Hugging Face hub, and file."""

PACKAGED = {
    "cdpam": Packaged(
        package="cdpam",
        path="CDPAM_trained/scratchJNDdefault_best_model.pth",
        digest="453c8b6edee1a94f0120236156436ff28fe4d8d884485e4a67695c8e8570bdfe",
        key="state",
        file="cdpam.safetensors",
        extra="evaluate",
    )
}
"""Models that a Python package brings, by name. No host has them."""

Source = tuple[Remote | Packaged, ...]
"""All checkpoints of a model at one host."""


def sources(recipe: Recipe) -> tuple[Source, ...]:
    """Hosts for a model, best first: ``$MORPHSEP_MODEL_URL`` alone if set, else those of demucs."""
    mirror = os.environ.get("MORPHSEP_MODEL_URL")
    if recipe.name in PACKAGED:
        return ((PACKAGED[recipe.name],),)
    if recipe.name in HUB_FILES:
        return ((_hub_file(recipe.name, mirror),),)
    if mirror:
        base = f"{mirror.rstrip('/')}/{recipe.name}/"
        names = [Path(legacy_files()[s]).name for s in recipe.signatures]
        safe = tuple(Remote(url=f"{base}{s}.safetensors") for s in recipe.signatures)
        return safe, tuple(_legacy(base + name) for name in names)
    from demucs.pretrained import ROOT_URL

    old = tuple(_legacy(ROOT_URL + legacy_files()[s]) for s in recipe.signatures)
    return (old,) if recipe.name in recipe.signatures else (_hub(recipe), old)


def hub_repository(name: str) -> str:
    """Owner and name of the repository on the Hugging Face hub, for Demucs where demucs looks."""
    if name in HUB_FILES:
        return HUB_FILES[name][0]
    from demucs.hf import DEFAULT_NAMESPACE, hf_repo_name

    return f"{DEFAULT_NAMESPACE}/{hf_repo_name(name)}"


def _hub_file(name: str, mirror: str | None) -> Remote:
    repository, file = HUB_FILES[name]
    if mirror:
        return Remote(url=f"{mirror.rstrip('/')}/{name}/{file}")
    return Remote(url=hub_url(repository, file), repository=repository)


def _hub(recipe: Recipe) -> Source:
    repository = hub_repository(recipe.name)
    urls = (hub_url(repository, f"{s}.safetensors") for s in recipe.signatures)
    return tuple(Remote(url=url, repository=repository) for url in urls)


def _legacy(url: str) -> Remote:
    return Remote(url=url, sha256=Path(url).stem.rsplit("-", 1)[1])


def first_host(recipe: Recipe, timeout: float) -> bool:
    """Whether any host answers for this model within `timeout` seconds."""
    probes: list[Callable[[], None]] = [
        partial(source[0].probe, timeout) for source in sources(recipe)
    ]
    return any_answers(probes, timeout)


def fetch_model(recipe: Recipe, folder: Path, progress: Progress | None) -> Bag:
    """Fetch a model into `folder`, from the first host that has all of it.

    Several processes may ask at once: one fetches, the others wait and find it there.

    Raises:
        DownloadError: no host has it, or the package that brings it is not installed.
    """
    from filelock import FileLock

    if recipe.name in PACKAGED:
        PACKAGED[recipe.name].probe(timeout=0.0)  # says what to install
    elif not first_host(recipe, timeout=10.0):
        raise DownloadError(
            f"No host of the model {recipe.name} answers. Is there a network? Fetch it elsewhere "
            f"(morphsep models fetch {recipe.name}) and copy its folder to {folder}."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            return _fetch_from_any(recipe, folder, progress)
    except OSError as error:
        raise DownloadError(f"{folder} cannot be written: {error}.") from error


def _fetch_from_any(recipe: Recipe, folder: Path, progress: Progress | None) -> Bag:
    refusals = []
    for source in sources(recipe):
        try:
            files = tuple(_fetch_one(remote, folder, progress) for remote in source)
        except DownloadError as error:
            refusals.append(str(error))
            continue
        if (yaml := definition(recipe.name)) is not None:
            # The folder is then complete: it can be copied, served, or named as a model.
            shutil.copyfile(yaml, folder / yaml.name)
        return Bag(recipe=recipe, files=files)
    raise DownloadError(f"{recipe.name} could not be fetched. " + " ".join(refusals))


def _fetch_one(remote: Remote | Packaged, folder: Path, progress: Progress | None) -> Path:
    target = folder / remote.file
    record = read_record(folder)
    wanted = record.get(target.name) or remote.sha256
    if wanted and target.exists() and sha256_of(target).startswith(wanted):
        return target
    part = target.with_name(target.name + ".part")
    try:
        actual = remote.fetch(part, wanted, progress)
        # Recorded before it is there: a checkpoint without a record would never be checked.
        write_record(folder, {**record, target.name: actual})
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    logger.info("fetched %s (%d bytes, sha256 %s)", remote.url, target.stat().st_size, actual)
    return target
