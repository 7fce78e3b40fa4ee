"""A bag of access copies: they, and all that lies beside them, with their digests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from morphsep import provenance
from morphsep.access.reporting import FOLDER, INDEX
from morphsep.access.rows import finished_rows
from morphsep.errors import SettingError
from morphsep.manifest import files_of, table_folder
from morphsep.storage import Location


def write_bag(out: Location, bag: Location) -> int:
    """Copies the finished access copies of a folder into a BagIt bag, with their differences,
    records, pages and the manifest; returns how many access copies. A bag that was there is
    replaced; none is written where nothing is finished.

    Raises:
        SettingError: see `provenance.write_bag`; the bag would lie in the folder, or the folder in
            the bag.
    """
    check_bag(out, bag)
    rows = finished_rows(out)
    if not rows:
        return 0
    names = [name for row in rows for name in (row.track, *(file.path for file in files_of(row)))]
    payload = {name: out / name for name in names} | dict(_of_the_folder(out))
    info = {"External-Description": "Access copies, with what was added to each as files"}
    provenance.write_bag(bag, payload, info, datetime.now(UTC).date())
    return len(rows)


def check_bag(out: Location, bag: Location) -> None:
    """
    Raises:
        SettingError: one of both would lie in the other.
    """
    here, there = f"{out}/", f"{bag}/"
    if here.startswith(there) or there.startswith(here):
        raise SettingError(f"the bag {bag} and the folder {out} must not lie in one another")


def _of_the_folder(out: Location) -> Iterator[tuple[str, Location]]:
    index = out / FOLDER / INDEX
    if index.exists():
        yield f"{FOLDER}/{INDEX}", index
    for place in table_folder(out, "tracks").parent.walk():
        if place.name.endswith(".parquet"):
            yield str(place).removeprefix(f"{out}/"), place
