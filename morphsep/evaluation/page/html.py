"""The page: blocks as HTML, style and script inside, under a policy that lets nothing else in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from morphsep.evaluation.document import (
    Block,
    Bullets,
    Charts,
    Clip,
    Heading,
    Paragraph,
    Players,
    Table,
    as_markdown,
)
from morphsep.evaluation.page.charts import chart, chart_style
from morphsep.evaluation.tables import write_markdown
from morphsep.evaluation.texts import Code, Text, parts
from morphsep.page import document, inline

if TYPE_CHECKING:
    from morphsep.storage import Location


def as_page(title: str, blocks: Iterable[Block]) -> str:
    """A whole HTML document. Texts are shown as they are, whatever they hold."""
    return document(
        title, _file("page.css") + chart_style(), _file("page.js"), _body(title, blocks)
    )


def _body(title: str, blocks: Iterable[Block]) -> Iterator[str]:
    yield f"<body>\n<main>\n<h1>{_text(title)}</h1>"
    for block in blocks:
        yield from _element(block)
    yield "</main>"


def _element(block: Block) -> Iterator[str]:
    match block:
        case Heading(text):
            yield f"<h2>{_text(text)}</h2>"
        case Paragraph(text):
            yield f"<p>{_text(text)}</p>"
        case Bullets(items):
            yield "<ul>"
            yield from (f"<li>{_text(item)}</li>" for item in items)
            yield "</ul>"
        case Table():
            yield from _table(block)
        case Charts(charts, note):
            yield '<div class="charts">'
            for each in charts:
                yield f"<figure><figcaption>{_text(each.title)}</figcaption>"
                yield from chart(each)
                yield "</figure>"
            yield "</div>"
            if note:
                yield f"<p>{_text(note)}</p>"
        case Players():
            yield from _players(block)


def _table(table: Table) -> Iterator[str]:
    # wide tables scroll by themselves, by keyboard too
    yield '<div class="wide" tabindex="0" role="region" aria-label="table">\n<table>\n<thead><tr>'
    yield "".join(f'<th scope="col">{_text(head)}</th>' for head in table.heads)
    yield "</tr></thead>\n<tbody>"
    for first, *others in table.rows:
        cells = "".join(f"<td>{_text(cell)}</td>" for cell in others)
        yield f'<tr><th scope="row">{_text(first)}</th>{cells}</tr>'
    yield "</tbody>\n</table>\n</div>"


def _players(players: Players) -> Iterator[str]:
    label = escape(players.title)
    yield f'<section class="players" tabindex="0" aria-label="{label}">'
    yield f"<h3>{_text(players.title)}</h3>\n<p>{_text(players.text)}</p>\n<ol>"
    for number, each in enumerate(players.clips, 1):
        yield f"<li>{_player(number, each)}</li>"
    yield "</ol>\n</section>"


def _player(number: int, clip: Clip) -> str:
    label = escape(clip.label)
    return (
        f'<figure><img alt="spectrogram: {label}" src="{inline("image/png", clip.picture)}">'
        f"<figcaption><kbd>{number}</kbd> {_text(clip.label)}</figcaption>"
        f'<audio controls preload="metadata" aria-label="{label}" '
        f'src="{inline("audio/flac", clip.sound)}"></audio></figure>'
    )


def _text(text: Text) -> str:
    """Escaped, whatever it holds."""
    return "".join(
        f"<code>{escape(part.text)}</code>" if isinstance(part, Code) else escape(part)
        for part in parts(text)
    )


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def write_report(
    folder: Location, title: str, blocks: Sequence[Block], page: Sequence[Block]
) -> None:
    """Writes ``report.md``, and ``report.html`` of the blocks for a page."""
    write_markdown(folder / "report.md", as_markdown(title, blocks))
    (folder / "report.html").write_bytes(as_page(title, page).encode("utf-8"))
