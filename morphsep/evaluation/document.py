"""A report as blocks, for Markdown (`as_markdown`) and for a page (`morphsep.evaluation.page`).

Texts are shown as they are, whatever they hold; what is to be code is `Code`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from morphsep.evaluation.tables import markdown_table
from morphsep.evaluation.texts import Text, markdown

MOST_ROWS = 50
"""Of a table or a list that grows with what was measured: a browser has to open the page."""
MOST_NAMES = 20
"""Within a sentence."""


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Some sentences."""

    text: Text


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of as many cells as there are heads; the first column names the rows."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: Sequence[Text]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A sound that the page plays."""

    label: str
    sound: bytes
    """A FLAC file."""
    picture: bytes
    """A PNG file: its spectrogram."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Players:
    """Sounds to compare, all of one length: on pages only."""

    title: str
    text: Text
    clips: Sequence[Clip]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Lines over one axis."""

    title: str
    x_label: str
    y_label: str
    xs: Sequence[float]
    lines: Sequence[tuple[str, Sequence[float]]]
    """(name, a value for each of `xs`)."""


@dataclass(frozen=True, slots=True)
class Charts:
    """Side by side: on pages only, beside a table that has the same numbers."""

    charts: Sequence[Chart]
    note: str = ""
    """Below them."""


Block = Heading | Paragraph | Table | Bullets | Players | Charts


def shortened(block: Table | Bullets, where: str) -> Iterator[Block]:
    """A block with no more than `MOST_ROWS`, and a sentence where the others are."""
    match block:
        case Table(heads, rows):
            left = len(rows) - MOST_ROWS
            yield Table(heads, rows[:MOST_ROWS])
        case Bullets(items):
            left = len(items) - MOST_ROWS
            yield Bullets(items[:MOST_ROWS])
    if left > 0:
        yield Paragraph(f"{left} more are in {where}.")


def listed(names: Sequence[str]) -> str:
    """Names in a sentence, `MOST_NAMES` of them.

    >>> listed(["a", "b"])
    'a, b'
    """
    left = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {left} more" if left > 0 else "")


def as_markdown(title: str, blocks: Iterable[Block]) -> Iterator[str]:
    """The lines of a report for the docs; what only a page can show is left out."""
    yield f"# {markdown(title)}"
    for block in blocks:
        if not isinstance(block, Players | Charts):
            yield ""
            yield from _lines(block)


def _lines(block: Heading | Paragraph | Table | Bullets) -> Iterator[str]:
    match block:
        case Heading(text):
            yield f"## {markdown(text)}"
        case Paragraph(text):
            yield markdown(text)
        case Bullets(items):
            yield from (f"- {markdown(item)}" for item in items)
        case Table(heads, rows):
            yield from markdown_table(heads, rows)
