"""Pages on the disk: one for a transition, and the list of all in a folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from morphsep.page import document
from morphsep.stops.body import page_body
from morphsep.stops.sine import break_up
from morphsep.stops.transition import Transition

if TYPE_CHECKING:
    from morphsep.storage import Location

FACTS = ".stops.json"
"""How the files end that say what pages there are."""
INDEX = "index.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page that was written."""

    file: str
    title: str
    song: str
    start: float
    """Where the passage begins, in seconds."""
    seconds: float
    backend: str
    breaks_up_at: float | None
    """Amount; see `break_up`."""


def write_pages(folder: Location, transition: Transition) -> Page:
    """Writes the page of a transition, the same facts for machines, and the list of all pages in
    the folder. A page of the same song, tones and backend is replaced."""
    page = _page(transition)
    body = page_body(page.title, transition, page.breaks_up_at)
    _write(folder / page.file, page.title, body)
    (folder / page.file.replace(".html", FACTS)).write_json(asdict(page))
    pages = [Page(**found) for place in folder.children(FACTS) if (found := place.read_json())]
    _write(folder / INDEX, "Stops", _index(pages))
    return page


def _page(transition: Transition) -> Page:
    wanted, excerpt = transition.wanted, transition.excerpt
    name = f"{excerpt.name} {wanted.from_} to {wanted.to} {wanted.backend}"
    plain = re.sub(r"[^\w.-]+", "-", name)
    return Page(
        file=f"{plain}.html",
        title=f"{excerpt.name}: {wanted.from_} to {wanted.to}",
        song=excerpt.name, start=round(excerpt.start, 3), seconds=round(excerpt.seconds, 3),
        backend=wanted.backend,
        breaks_up_at=break_up(wanted.amounts, transition.ways[0].harmonics),
    )  # fmt: skip


def _index(pages: list[Page]) -> Iterator[str]:
    yield "<body>\n<main>\n<h1>Stops</h1>"
    yield "<p>Each page has the knob between two tones, with every stop to hear.</p>\n<table>"
    heads = ("transition", "by", "song", "from", "breaks up at")
    yield "<thead><tr>"
    yield from (f'<th scope="col">{head}</th>' for head in heads)
    yield "</tr></thead><tbody>"
    for page in sorted(pages, key=lambda each: each.file):
        at = "nowhere" if page.breaks_up_at is None else f"{page.breaks_up_at:.2f}"
        cells = (page.backend, page.song, f"{page.start:.1f} s, {page.seconds:.1f} s long", at)
        link = f'<a href="{escape(page.file)}">{escape(page.title)}</a>'
        rest = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        yield f'<tr><th scope="row">{link}</th>{rest}</tr>'
    yield "</tbody></table>\n</main>"


def _write(place: Location, title: str, body: Iterator[str]) -> None:
    text = document(title, _file("stops.css"), _file("stops.js"), body)
    place.write_bytes(text.encode("utf-8"))


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
