"""What was measured, kept as JSON for later runs; what does not fit this code is measured again.

Folders outlive versions of morphsep, in both directions. A cache that an older or newer one has
left with other fields, or a damaged one, must cost time and never a track.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar, cast

from morphsep.errors import SettingError, TrackError
from morphsep.storage import Location

T = TypeVar("T")

FIRST = 1
"""Version of what was written before caches said theirs."""


def recall(place: Location, version: int, parse: Callable[[dict[str, Any]], T]) -> T | None:
    """What `keep` wrote there; None if it is not there, or does not fit.

    Args:
        version: of the cache: raised when its values change their meaning.
        parse: makes the value of the fields; may raise AttributeError, LookupError, TypeError,
            ValueError, SettingError or TrackError for fields that it does not know or misses.

    Raises:
        StorageError: the storage does not answer.
    """
    try:
        values = place.read_json()
    except SettingError:  # the storage refuses
        raise
    except ValueError:
        return None
    try:
        if values is None or values.pop("version", FIRST) != version:
            return None
        return parse(values)
    except (AttributeError, LookupError, TypeError, ValueError, SettingError, TrackError):
        return None


def keep(place: Location, version: int, values: dict[str, Any]) -> None:
    """Writes values for `recall`."""
    place.write_json({"version": version} | values)


def exactly(made_of: Callable[..., T], values: dict[str, Any]) -> T:
    """A dataclass of values that are all of its fields, and nothing else.

    Raises:
        TypeError: some are missing or unknown.
    """
    names = {field.name for field in fields(cast(Any, made_of))}
    if values.keys() != names:
        raise TypeError(f"missing or unknown: {sorted(values.keys() ^ names)}")
    return made_of(**values)
