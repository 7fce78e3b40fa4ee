"""What an object store's listings tell of many objects at once."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from morphsep.errors import RefusedError
from morphsep.storage.clients import by_bucket, client
from morphsep.storage.refusals import attempted

PAGE = 1000
"""Objects that one request lists, the most that S3 gives."""

FEW = 3
"""Objects that are asked for one by one: a listing would tell of hundreds of others as well."""


def full_stamps(names: Sequence[str]) -> list[str | None]:
    """See `morphsep.storage.full_stamps`."""
    stamps: dict[str, str] = {}
    for bucket, inside in by_bucket(dict.fromkeys(names)).items():
        with contextlib.suppress(RefusedError):  # whoever opens them will say so
            stamps |= _asked(inside) if len(inside) <= FEW else _listed(bucket, inside)
    return [stamps.get(name) for name in names]


def _asked(names: Sequence[str]) -> dict[str, str]:
    import obstore

    stamps = {}
    for name in names:
        # a store that may not be listed refuses what is not there
        with contextlib.suppress(FileNotFoundError, RefusedError):
            found = attempted(f"looking at {name}", partial(obstore.head, *client(name)))
            stamps[name] = stamp_of(found)
    return stamps


def _listed(bucket: str, names: Sequence[str]) -> dict[str, str]:
    """Stamps of objects in one bucket. Pages of a listing that hold none of them are passed over;
    what a store lists in no order is not found."""
    keys = sorted(client(name)[1] for name in names)
    folder, at = posixpath.commonpath([posixpath.dirname(key) for key in keys]), 0
    stamps: dict[str, str] = {}
    while at < len(keys):
        start = at
        for page in _pages(bucket, folder, keys[at]):
            found = {one["path"]: one for one in page}
            before, last = at, page[-1]["path"] if len(page) == PAGE else None
            while at < len(keys) and (last is None or keys[at] <= last):
                if keys[at] in found:
                    stamps[f"{bucket}/{keys[at]}"] = stamp_of(found[keys[at]])
                at += 1
            if at == len(keys) or start < at == before:
                break  # far from the next one: a listing that begins there is shorter
        else:
            break  # the listing has come to its end
    return stamps


def _pages(bucket: str, folder: str, first: str) -> Iterator[Sequence[Any]]:
    """What lies in a folder from the key `first` on, and a few before it."""
    store, _ = client(bucket)
    after = first[:-1]
    # each page by a listing of its own: after a fault, the rest of a listing does not come
    while page := attempted(f"listing {bucket}/{folder}", partial(_page, store, folder, after)):
        yield page
        after = page[-1]["path"]


def _page(store: Any, folder: str, after: str) -> Sequence[Any]:
    import obstore

    return next(obstore.list(store, folder or None, offset=after, chunk_size=PAGE), ())


def stamp_of(found: Any) -> str:
    """The stamp of an object, from what a store says of it (obstore's ObjectMeta)."""
    written_ns = int(found["last_modified"].timestamp()) * 10**9
    # the tag, too: times are whole seconds in many stores
    return f"{found['size']}-{written_ns}-{found['e_tag'] or ''}"
