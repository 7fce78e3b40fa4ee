"""The lock of a data set: recipe, sources and shards by their content. A folder holds one data set,
and the lock says which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from morphsep.dataset.shards import DATA, Written
from morphsep.dataset.tone_files import TONES
from morphsep.errors import SettingError
from morphsep.storage import Location

LOCK = "recipe.lock.json"
RECIPE = "recipe.yaml"
CARD = "README.md"
CROISSANT = "croissant.json"
REJECTED = "rejected.parquet"
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What a folder holds, or will."""

    recipe_key: str
    sources: Mapping[str, str]
    """Each recording -> its content, what is said of it, and its split, as a digest; empty where it
    could not be read."""
    versions: Mapping[str, Any] = field(default_factory=dict)
    sound: bool = True
    """Whether rows hold their sound."""
    failed: Sequence[str] = ()
    """Recordings that could not be done, and are tried again by the same command."""
    tones: Mapping[str, str] = field(default_factory=dict)
    """Tones that are files: name in the recipe -> name below the folder of tones."""
    shards: Sequence[Written] = ()
    """Those that are there."""

    def write(self, out: Location) -> None:
        """Leaves it in a data set's folder."""
        (out / LOCK).write_json({"version": VERSION} | asdict(self))

    def is_finished(self, out: Location) -> bool:
        """Whether all of the data set is there, as far as sizes tell."""
        there = [size_of(out / shard.name) == shard.bytes for shard in self.shards]
        return bool(there) and all(there) and not self.failed


def size_of(place: Location) -> int | None:
    """Bytes of a file; None if it is not there."""
    try:
        return place.size()
    except FileNotFoundError:
        return None


def read_lock(out: Location) -> Lock | None:
    """The lock of a folder; None if it holds no data set.

    Raises:
        SettingError: it is damaged, or of another version.
    """
    try:
        values = (out / LOCK).read_json()
        if values is None:
            return None
        if values.pop("version", None) != VERSION:
            raise SettingError(f"{out / LOCK} is of another version; --new begins anew")
        shards = [Written(**each) for each in values.pop("shards", ())]
        return Lock(shards=shards, **values)
    except (TypeError, AttributeError, ValueError) as error:
        if isinstance(error, SettingError):
            raise
        raise SettingError(f"{out / LOCK} is damaged ({error}); --new begins anew") from error


def finished_lock(out: Location) -> Lock:
    """The lock of a data set that is there.

    Raises:
        SettingError: the folder holds no data set, or an unfinished one.
    """
    found = read_lock(out)
    if found is None or not found.shards:
        raise SettingError(f"{out} holds no finished data set; run morphsep generate again")
    return found


def check_folder(out: Location) -> None:
    """
    Raises:
        SettingError: there is something in a folder that is no data set of ours, and that one
            would overwrite.
    """
    for name in (CARD, RECIPE, CROISSANT, REJECTED):
        if (out / name).exists():
            raise SettingError(f"{out} holds a {name} that is not ours; name another folder")
    for name in (DATA, TONES, "manifest"):
        if (out / name).walk():
            raise SettingError(f"{out} holds a folder {name} that is not ours; name another folder")


def check_same(before: Lock, now: Lock, out: Location) -> None:
    """
    Raises:
        SettingError: the folder holds another data set; it is said what differs.
    """
    if differs := differing(before, now):
        raise SettingError(
            f"{out} holds a data set that was begun otherwise: {'; '.join(differs)}. Name another "
            "folder; --new gives that one up and begins anew"
        )


def differing(before: Lock, now: Lock) -> list[str]:
    """What makes another data set of it."""
    differs = []
    if before.recipe_key != now.recipe_key:
        differs.append("the recipe")
    differs += _named("new", now.sources.keys() - before.sources.keys())
    differs += _named("gone", before.sources.keys() - now.sources.keys())
    both = before.sources.keys() & now.sources.keys()
    # one that could not be read had no content: it may have some now, and the other way round
    known = [name for name in both if before.sources[name] and now.sources[name]]
    changed = [name for name in known if before.sources[name] != now.sources[name]]
    return differs + _named("changed", changed)


def _named(what: str, names: Iterable[str]) -> list[str]:
    """A few of the recordings of which this is said."""
    found = sorted(names)
    shown = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
    return [f"{what}: {shown}"] if found else []
