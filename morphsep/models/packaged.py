"""Weights that a Python package brings in a format of its own: converted once, never imported.

The file is checked against the digest of the published one before anything of it is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from morphsep.models.checksums import sha256_of
from morphsep.models.download import DownloadError, Progress, matching
from morphsep.models.legacy_checkpoint import read_legacy_checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Packaged:
    """A checkpoint inside an installed package, as a source of ``sources.Source``."""

    package: str
    path: str
    """Of the file inside the package."""
    digest: str
    """sha256 of that file, as published."""
    key: str
    """Under which the tensors are."""
    file: str
    """Name of what is made of it."""
    extra: str
    """What to install: ``morphsep[EXTRA]``."""
    sha256: str = ""
    """Nothing is known beforehand of the checksum of what is made of it."""

    @property
    def url(self) -> str:
        """For lists: where it comes from."""
        return f"package:{self.package}/{self.path}"

    def probe(self, timeout: float) -> None:
        """Raises DownloadError if the package is not installed. Opens no socket."""
        self._source()

    def fetch(self, target: Path, sha256: str, progress: Progress | None) -> str:
        """Convert it to safetensors at ``target``; return the sha256 of what was made.

        Raises:
            DownloadError: it is not installed, or not the published file, or makes something else
                than what ``sha256`` says.
        """
        from safetensors.numpy import save

        source = self._source()
        if (actual := sha256_of(source)) != self.digest:
            raise DownloadError(
                f"{source} has checksum {actual}, expected {self.digest}: damaged or exchanged; "
                f"install {self.package} again."
            )
        # not save_file, which makes a file that only its owner can read
        target.write_bytes(save(read_legacy_checkpoint(source, self.key)))
        return matching(self.url, sha256_of(target), [sha256])

    def _source(self) -> Path:
        spec = find_spec(self.package)
        for folder in (spec and spec.submodule_search_locations) or ():
            if (file := Path(folder) / self.path).is_file():
                return file
        raise DownloadError(
            f"The weights of {self.package} are not on this machine; they come with the package: "
            f"pip install 'morphsep[{self.extra}]'."
        )
