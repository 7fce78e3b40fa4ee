"""Files that settings name, for workers that do not see the driver's disk.

`pack` puts what tones, curves and adapters need into the work directory, named by the digest of its
content, and `unpack` finds it there, on any machine. Checkpoints are too large for that.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from morphsep.errors import SettingError
from morphsep.request.named_files import (
    ADAPTER,
    CHAINS,
    COPIED,
    LocalPaths,
    files_of_chain,
    local_path,
    options_of,
    renamed,
    tones_and_curve,
)
from morphsep.storage import TEMPORARY, Location, digest, digest_file, only_one

if TYPE_CHECKING:
    from morphsep.request.settings import Settings


NUMBERED = re.compile(r"^\d+-")


def pack(many: Iterable[Settings], folder: Location) -> dict[str, str]:
    """Copies the files that settings name, except checkpoints, to a folder that all workers see.

    Returns:
        Names in the settings -> names below `folder`.

    Raises:
        SettingError: one cannot be read.
    """
    packed: dict[str, str] = {}
    for settings in many:
        tones = [text for text in (settings.to, settings.from_) if _is_file(text)]
        curve = [settings.amount] if settings.amount.strip().lower().endswith(".csv") else []
        for text in (*tones, *curve, *options_of(settings, (ADAPTER,))):
            if text not in packed:
                packed[text] = pack_file(local_path(text, settings.offline), folder)
    return packed


def pack_file(text: str, folder: Location) -> str:
    """Copies one file of this machine, with the files that it names, to such a folder.

    Args:
        text: what a tone says about a knob may stand behind its name.

    Returns:
        Its name below `folder`.

    Raises:
        SettingError: it cannot be read.
    """
    from morphsep.tones import split_knob

    file, knob = split_knob(text)
    return _put(Path(file).expanduser(), folder) + knob


def unpack(settings: Settings, packed: Mapping[str, str], folder: Location) -> LocalPaths:
    """Paths on this machine of the files that these settings name and `pack` put into `folder`.

    Raises:
        SettingError: a file was changed since.
    """
    named = (*tones_and_curve(settings), *options_of(settings, (ADAPTER,)))
    return tuple((text, _unpacked(folder, packed[text])) for text in named if text in packed)


def _is_file(text: str) -> bool:
    """Whether a tone is a file."""
    from morphsep.tones import is_definition, is_recording

    if "://" in text:
        return True
    return is_definition(text) or is_recording(text)


def _put(path: Path, folder: Location) -> str:
    """Copies a folder, or a file and the files that it names; the copy's name is their digest."""
    try:
        parts = _parts(path)
        name = f"{_digest_of(parts)}/{path.name}"
        for part, content in parts.items():
            target = folder / name.partition("/")[0] / part
            size = len(content) if isinstance(content, bytes) else content.stat().st_size
            if target.exists() and target.size() == size:
                continue
            with target.writing() as copy:
                if isinstance(content, bytes):
                    copy.write_bytes(content)
                else:
                    shutil.copyfile(content, copy)
    except OSError as error:
        raise SettingError(f"{path} cannot be given to the workers: {error}") from error
    return name


def _parts(path: Path) -> dict[str, Path | bytes]:
    """Names in the copy -> files, or their content."""
    if path.is_dir():
        return {f"{path.name}/{name}": file for name, file in _inside(path).items()}
    inner = files_of_chain(path) if path.suffix.lower() in CHAINS else []
    if not inner:
        return {path.name: path}
    # a plugin has to be installed on every machine, under the same path
    files = {name: str((path.parent / name).resolve()) for _, name in inner}
    parts: dict[str, Path | bytes] = {}
    for number, name in enumerate(dict.fromkeys(n for kind, n in inner if kind in COPIED)):
        copy = f"{number}-{NUMBERED.sub('', Path(name).name)}"  # the same for a copy of a copy
        parts[copy] = Path(files[name])
        files[name] = copy
    return parts | {path.name: renamed(path, files)}


def _inside(folder: Path) -> dict[str, Path]:
    """Names below a folder -> files; half-written ones of a killed process are left out."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        path.relative_to(folder).as_posix(): path
        for path in files
        if not fnmatch(path.name, TEMPORARY)
    }


def _digest_of(parts: Mapping[str, Path | bytes]) -> str:
    sums = (
        (name, hashlib.sha256(c).hexdigest() if isinstance(c, bytes) else digest_file(c))
        for name, c in sorted(parts.items())
    )
    return digest(*sums)[:32]


def unpack_file(folder: Location, name: str) -> str:
    """The path on this machine of what `pack_file` copied; its digest is checked.

    Raises:
        SettingError: it was changed since.
    """
    key = name.partition("/")[0]
    if folder.is_local:
        here = folder.path / key
    else:
        from morphsep.models import weights_dir

        here = weights_dir() / "remote" / key
        with only_one(here / "x"):
            for part in (folder / key).walk():
                target = here / part.text.removeprefix(f"{folder / key}/")
                if not target.exists():
                    part.fetch(target)
    found = _inside(here)
    found.pop(".lock", None)
    if _digest_of(found) != key:
        raise SettingError(
            f"{Path(name).name} in {folder / key} is missing or was changed since it was put "
            "there; run the same command again"
        )
    return str(here / name.partition("/")[2])


_unpacked = lru_cache(maxsize=1024)(unpack_file)
"""Looked at once in a worker's life: it is asked for each section of each track."""
