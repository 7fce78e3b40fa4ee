"""Paths on this machine of the files that settings name: tones, curves, adapters, checkpoints.

Files in an object store are copied to this machine's cache, once. How workers get the files on the
driver's disk: `morphsep.request.packed_files`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morphsep.storage import beside, digest, folder_of, location, only_one, whole

if TYPE_CHECKING:
    from morphsep.request.settings import Settings

LocalPaths = tuple[tuple[str, str], ...]
"""(a file as settings name it, its path on this machine)"""
ADAPTER = "adapter"
FILE_OPTIONS = (ADAPTER, "weights")
"""Options of backends that name files."""
CHAINS = (".yaml", ".yml")
COPIED = ("impulse_response_filename", "capture_filename")
"""Parameters of pedals that name files, which go where the chain goes."""
PLUGIN = "path"


def with_local_files(settings: Settings, paths: LocalPaths = ()) -> Settings:
    """The settings with paths on this machine for all files that they name. What lies in an object
    store is fetched, unless `paths` has it.

    Raises:
        SettingError: a file does not exist.
    """
    found = dict(paths)
    for text in (*tones_and_curve(settings), *options_of(settings, FILE_OPTIONS)):
        if "://" in text and text not in found:
            found[text] = local_path(text, settings.offline)
    if not found:
        return settings
    return replace(
        settings,
        to=found.get(settings.to, settings.to),
        from_=found.get(settings.from_, settings.from_),
        amount=found.get(settings.amount, settings.amount),
        options=tuple(
            (name, found.get(value, value) if name in FILE_OPTIONS else value)
            for name, value in settings.options
        ),
    )


def tones_and_curve(settings: Settings) -> tuple[str, str, str]:
    """The settings that may name files: both tones and the amount."""
    return settings.to, settings.from_, settings.amount


def options_of(settings: Settings, names: tuple[str, ...]) -> list[str]:
    """The values of the backend's options with these names."""
    return [value for name, value in settings.options if name in names]


def local_path(text: str, offline: bool) -> str:
    """The path on this machine of a file that may lie in an object store; it is fetched from there
    together with the files that it names. What a tone says about a knob stays behind it.

    Raises:
        SettingError: the file does not exist.
    """
    if "://" not in text:
        return text
    from morphsep.models import is_offline, local_copy, weights_dir
    from morphsep.tones import split_knob

    file, knob = split_knob(text)
    if location(file).is_local:
        return f"{location(file).path}{knob}"
    path = local_copy(file, weights_dir(), is_offline(offline))
    if path.suffix.lower() not in CHAINS:
        return f"{path}{knob}"
    # impulse responses and captures are fetched; a plugin must be installed on this machine
    named = [name for kind, name in files_of_chain(path) if kind in COPIED]
    beside_it = {name: local_path(beside(folder_of(text), name), offline) for name in named}
    return str(_chain_with(path, beside_it))


def files_of_chain(chain: Path) -> list[tuple[str, str]]:
    """(parameter, file) of the files that the pedals of a chain name."""
    return [(name, pedal[name]) for pedal, name in _naming(_parsed(chain))]


def _parsed(chain: Path) -> Any:
    """The content of a chain's YAML; None if it cannot be read (reading the tone says why)."""
    import yaml

    try:
        return yaml.safe_load(chain.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None


def _naming(parsed: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """(a pedal's parameters, the one of them that names a file)."""
    pedals = parsed.get("pedals") if isinstance(parsed, dict) else None
    for item in pedals if isinstance(pedals, list) else ():
        for pedal in item.values() if isinstance(item, dict) else ():
            for name in (*COPIED, PLUGIN) if isinstance(pedal, dict) else ():
                if isinstance(pedal.get(name), str) and pedal[name]:
                    yield pedal, name


def _chain_with(chain: Path, files: Mapping[str, str]) -> Path:
    """The chain, or a copy that names `files` in place of those that it names."""
    if not files:
        return chain
    text = renamed(chain, files)
    from morphsep.models import weights_dir

    copy = weights_dir() / "remote" / digest(text)[:32] / chain.name
    with only_one(copy):
        if not copy.exists():
            with whole(copy) as part:
                part.write_bytes(text)
    return copy


def renamed(chain: Path, files: Mapping[str, str]) -> bytes:
    """A chain's YAML that names other files, from the old names to the new."""
    import yaml

    parsed = _parsed(chain)
    for pedal, name in _naming(parsed):
        pedal[name] = files.get(pedal[name], pedal[name])
    text: bytes = yaml.safe_dump(parsed, sort_keys=False, allow_unicode=True, encoding="utf-8")
    return text
