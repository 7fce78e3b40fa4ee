"""Pages on the disk: one for a transition, and the list of all in a folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from morphsep.errors import SettingError
from morphsep.evaluation.page import chart_style
from morphsep.page import document
from morphsep.stops.body import page_body
from morphsep.stops.sine import BreakUp, break_up
from morphsep.stops.transition import Transition
from morphsep.storage import absolute

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
    sound: str
    """Where it breaks up, in words."""
    breaks_up_at: float | None
    """The amount from which it is broken up; 0 where it always is, None where it never is or
    only until some amount."""


def check_folder(folder: Location) -> None:
    """
    Raises:
        SettingError: the folder holds a list of pages that is somebody else's.
    """
    if (folder / INDEX).exists() and not folder.children(FACTS):
        raise SettingError(f"{folder} has an {INDEX} that is not ours: choose another folder")


def write_pages(folder: Location, transition: Transition) -> Page:
    """Writes the page of a transition, the same facts for machines, and the list of all pages in
    the folder. A page of the same passage, tones and backend is replaced."""
    found = break_up(transition.wanted.amounts, transition.ways[0].harmonics)
    page = _page(transition, found)
    _write(folder / page.file, page.title, page_body(page.title, transition, found))
    (folder / page.file.replace(".html", FACTS)).write_json(asdict(page))
    listed: list[Page] | None = None
    while listed != (pages := list(_pages(folder))):  # another run may have added one meanwhile
        listed = pages
        _write(folder / INDEX, "Stops", _index(pages))
    return page


def _page(transition: Transition, found: BreakUp) -> Page:
    excerpt, (first, last) = transition.excerpt, transition.names
    backend = transition.wanted.backend
    passage = f"{absolute(excerpt.path)} {excerpt.start} {excerpt.seconds} {transition.wanted}"
    digest = sha256(passage.encode(errors="surrogateescape")).hexdigest()[:8]
    words = "-".join(map(_plain, (excerpt.name, first, "to", last, backend, digest)))
    return Page(
        file=f"{words}.html", title=f"{excerpt.name}: {first} to {last}", song=excerpt.name,
        start=round(excerpt.start, 3), seconds=round(excerpt.seconds, 3), backend=backend,
        sound=str(found), breaks_up_at={"always": 0.0, "from": found.amount}.get(found.kind),
    )  # fmt: skip


def _plain(text: str) -> str:
    """For a file's name on any disk."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text)[:40].strip("-.")


def _pages(folder: Location) -> Iterator[Page]:
    """What is not a page's is left alone."""
    names = {field.name for field in fields(Page)}
    for place in folder.children(FACTS):
        facts = place.read_json()
        if isinstance(facts, dict) and facts.keys() == names:
            yield Page(**facts)


def _index(pages: list[Page]) -> Iterator[str]:
    yield "<body>\n<main>\n<h1>Stops</h1>"
    yield "<p>Each page has the knob between two tones, with every stop to hear.</p>\n<table>"
    heads = ("transition", "by", "song", "from", "the sound")
    yield "<thead><tr>"
    yield from (f'<th scope="col">{head}</th>' for head in heads)
    yield "</tr></thead><tbody>"
    for page in sorted(pages, key=lambda each: each.file):
        passage = f"{page.start:.1f} s, {page.seconds:.1f} s long"
        cells = (page.backend, page.song, passage, page.sound)
        link = f'<a href="{escape(page.file)}">{escape(page.title)}</a>'
        rest = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        yield f'<tr><th scope="row">{link}</th>{rest}</tr>'
    yield "</tbody></table>\n</main>"


def _write(place: Location, title: str, body: Iterator[str]) -> None:
    text = document(title, _file("stops.css") + chart_style(), _file("stops.js"), body)
    place.write_bytes(text.encode("utf-8"))


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
