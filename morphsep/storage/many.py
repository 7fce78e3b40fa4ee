"""Many files at once, wherever each is: in an object store that is far fewer requests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from morphsep.storage.locations import Location
from morphsep.storage.store import Store


def full_stamps(places: Sequence[Location]) -> list[str | None]:
    """For each file a text that changes whenever its content does, though its time be set back: its
    size and times, or, in an object store, its `Location.stamp`. None if it is not there, or may
    not be looked at.

    Many neighbours in an object store cost one request for a thousand of them.

    Raises:
        StorageError: the storage stays away.
    """
    found: dict[str, str | None] = {}
    for store, names in _by_store(places).items():
        found |= zip(names, store.full_stamps(names), strict=True)
    return [found[place.text] for place in places]


def remove_all(places: Sequence[Location]) -> None:
    """Removes files, as `Location.remove` does each; a thousand in a bucket by one request."""
    for store, names in _by_store(places).items():
        store.remove_all(names)


def _by_store(places: Sequence[Location]) -> Mapping[Store, list[str]]:
    names: defaultdict[Store, list[str]] = defaultdict(list)
    for place in places:
        names[place.store].append(place.text)
    return names
