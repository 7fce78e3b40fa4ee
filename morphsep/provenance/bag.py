"""BagIt bags (RFC 8493): files, their digests, and what is in there, in one folder.

The form is 0.97, which the library `bagit` writes and every validator reads. That library is not
used to write: it turns a folder into a bag in place, on a local disk only, and changes the working
directory of the whole process meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from importlib.metadata import version
from typing import BinaryIO

from morphsep.errors import SettingError
from morphsep.storage import TEMPORARY, Location, digest

DECLARATION, IN_THE_MAKING = "bagit.txt", "in-the-making.txt"
FORM = "BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n"
BLOCK_BYTES = 2**20


def write_bag(
    bag: Location, payload: Mapping[str, Location], info: Mapping[str, str], on: date
) -> None:
    """Copies files into a bag, which is there as a whole or not at all; a bag that was there is
    replaced. In an object store it is a bag from its last file on, `bagit.txt`.

    Args:
        payload: by their paths in the bag.
        info: what `bag-info.txt` says beside date, size and program.
        on: the date that it says.

    Raises:
        SettingError: something else is there, or a bag cannot hold the name of a file.
        OSError: a file cannot be read or written.
    """
    if not payload:
        raise SettingError(f"{bag}: there is nothing to put into it")
    for name in payload:
        _check(name)
    _check_place(bag)
    folder = _in_the_making(bag) if bag.is_local else bag
    _remove(folder)
    try:
        _fill(folder, payload, info, on)
        if bag.is_local:
            _remove(bag)
            folder.path.rename(bag.path)
    except BaseException:
        _remove(folder)
        raise


def _in_the_making(bag: Location) -> Location:
    """A hidden folder beside it, of the same name each time: the next run removes what a killed
    one left."""
    return bag.parent / TEMPORARY.replace("*", digest(bag.name)[:16])


def _check(name: str) -> None:
    """A manifest has one line a file, and readers take %0A in it for the end of one."""
    is_one_line = name == name.strip() and name.splitlines() == [name]
    is_plain = not {"", ".", ".."} & set(name.split("/")) and name.isprintable()
    if not (is_one_line and is_plain) or "%0a" in name.lower() or "%0d" in name.lower():
        raise SettingError(f"{name!r} cannot be in a BagIt bag: rename the file")


def _check_place(bag: Location) -> None:
    if bag.exists() and bag.is_local and not bag.path.is_dir():
        raise SettingError(f"{bag} is a file: choose another place for the bag")
    if not any((bag / name).exists() for name in (DECLARATION, IN_THE_MAKING)) and bag.walk():
        raise SettingError(f"{bag} holds files and is no bag: choose another place for the bag")


def _remove(folder: Location) -> None:
    """What is half removed is no bag."""
    (folder / DECLARATION).remove()
    folder.remove_tree()


def _fill(
    folder: Location, payload: Mapping[str, Location], info: Mapping[str, str], on: date
) -> None:
    (folder / IN_THE_MAKING).write_bytes(b"Written by morphsep; not a bag yet.\n")
    lines, total = [], 0
    for name in sorted(payload):
        with payload[name].open() as source:
            sha256, size = _copied(source, folder / f"data/{name}")
        lines.append(f"{sha256}  data/{name}\n")
        total += size
    said = {
        **info, "Bag-Software-Agent": f"morphsep {version('morphsep')}",
        "Bagging-Date": on.isoformat(), "Payload-Oxum": f"{total}.{len(lines)}",
    }  # fmt: skip
    _write_tags(folder, "".join(lines), said)


def _write_tags(folder: Location, manifest: str, said: Mapping[str, str]) -> None:
    about = "".join(f"{key}: {' '.join(said[key].split())}\n" for key in sorted(said))
    tags = {"bag-info.txt": about, DECLARATION: FORM, "manifest-sha256.txt": manifest}
    listed = "".join(f"{_digest(text)}  {name}\n" for name, text in tags.items())
    for name, text in {"tagmanifest-sha256.txt": listed, **tags}.items():
        if name != DECLARATION:
            (folder / name).write_bytes(text.encode("utf-8"))
    (folder / IN_THE_MAKING).remove()
    (folder / DECLARATION).write_bytes(FORM.encode("utf-8"))


def _copied(source: BinaryIO, to: Location) -> tuple[str, int]:
    """sha256 of what was copied, and its bytes."""
    hashed, size = hashlib.sha256(), 0
    with to.writing() as path, path.open("wb") as file:
        while block := source.read(BLOCK_BYTES):
            hashed.update(block)
            file.write(block)
            size += len(block)
    return hashed.hexdigest(), size


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
