"""The files of a page, read once from the packages that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources

KINDS = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """What a browser gets."""

    data: bytes
    kind: str
    """Its media type."""


def page_files(package: str, names: Iterable[str]) -> Mapping[str, PageFile]:
    """Files by the address a browser asks for. ``player.js`` is ours; all others are of `package`,
    and an ``index.html`` is the page at ``/``."""
    found = {"/player.js": _file("morphsep.serving", "player.js")}
    for name in names:
        found["/" if name == "index.html" else f"/{name}"] = _file(package, name)
    return found


def _file(package: str, name: str) -> PageFile:
    data = (resources.files(package) / name).read_bytes()
    return PageFile(data, KINDS[name.rpartition(".")[2]])
