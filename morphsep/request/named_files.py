"""Files that settings name (tones, curves, adapters, checkpoints): where they lie on this machine.

What lies in an object store is copied to this machine's cache, once. How workers get what lies on
the driver's disk: `morphsep.request.packed_files`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morphsep.storage import beside, digest, folder_of, location, only_one, whole

if TYPE_CHECKING:
    from morphsep.request.settings import Settings

Places = tuple[tuple[str, str], ...]
"""(a file as settings name it, a path on this machine)"""
ADAPTER = "adapter"
FILE_OPTIONS = (ADAPTER, "weights")
"""Options of backends that name files."""
CHAINS = (".yaml", ".yml")
IMPULSE = "impulse_response_filename"
PLUGIN = "path"


def at_hand(settings: Settings, places: Places = ()) -> Settings:
    """Settings that name files of this machine only.

    Args:
        places: of those that are here already.

    Raises:
        SettingError: there is nothing where one should be.
    """
    found = dict(places)
    for text in (*tones_and_curve(settings), *options_of(settings, FILE_OPTIONS)):
        if "://" in text and text not in found:
            found[text] = fetched(text, settings.offline)
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
    """What names a file, if it is one."""
    return settings.to, settings.from_, settings.amount


def options_of(settings: Settings, names: tuple[str, ...]) -> list[str]:
    """Values of these options of the backend."""
    return [value for name, value in settings.options if name in names]


def fetched(text: str, offline: bool) -> str:
    """The path on this machine of a file that may lie in an object store.

    Raises:
        SettingError: there is nothing.
    """
    place = location(text)
    if "://" not in text or place.is_local:
        return text if "://" not in text else str(place.path)
    from morphsep.models import bring, is_offline, weights_dir

    path = bring(text, weights_dir(), is_offline(offline))
    if path.suffix.lower() not in CHAINS:
        return str(path)
    # a plugin is installed on this machine, or not at all
    named = [name for kind, name in inner_files(path) if kind == IMPULSE]
    beside_it = {name: fetched(beside(folder_of(text), name), offline) for name in named}
    return str(_chain_with(path, beside_it))


def inner_files(chain: Path) -> list[tuple[str, str]]:
    """(parameter, file) of the files that a chain names in its turn."""
    return [(name, pedal[name]) for pedal, name in _naming(_parsed(chain))]


def _parsed(chain: Path) -> Any:
    """What a chain's YAML says; None where it is none, which reading the tone will explain."""
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
            for name in (IMPULSE, PLUGIN) if isinstance(pedal, dict) else ():
                if isinstance(pedal.get(name), str) and pedal[name]:
                    yield pedal, name


def _chain_with(chain: Path, files: Mapping[str, str]) -> Path:
    """A chain whose files lie elsewhere: itself if it names none, else a copy that names those."""
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
    """A chain's YAML with other names for the files that it names."""
    import yaml

    parsed = _parsed(chain)
    for pedal, name in _naming(parsed):
        pedal[name] = files.get(pedal[name], pedal[name])
    text: bytes = yaml.safe_dump(parsed, sort_keys=False, allow_unicode=True, encoding="utf-8")
    return text
