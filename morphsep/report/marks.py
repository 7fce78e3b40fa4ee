"""Small pieces of HTML: escaped whatever they hold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from morphsep.dsp import Seconds

MOST_ENTRIES = 12
"""Of a list of findings."""
LONGEST = 400
"""Characters of a finding."""


def clock(seconds: Seconds) -> str:
    """Hours, minutes and seconds.

    >>> clock(3723.456), clock(59.9996)
    ('1:02:03.456', '1:00.000')
    """
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    ahead = f"{hours}:{minutes:02}" if hours else str(minutes)
    return f"{ahead}:{rest // 1000:02}.{rest % 1000:03}"


def number(value: float | None, unit: str, digits: int) -> str:
    """A quantity; a dash where there is none.

    >>> number(-23.04, "LUFS", 1), number(None, "Hz", 0), number(float("-inf"), "dBFS", 1)
    ('−23.0 LUFS', '–', '−∞ dBFS')
    """
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        text = "∞" if value > 0 else "−∞"
    else:
        text = f"{value + 0.0:,.{digits}f}".replace("-", "−").replace(",", "\u202f")
    return f"{text} {unit}".strip()


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], label: str) -> Iterator[str]:
    """A table that scrolls by itself; cells are HTML, the first of a row its head."""
    yield f'<div class="wide" tabindex="0" role="region" aria-label="{escape(label)}">'
    yield "<table>\n<thead><tr>"
    yield "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    yield "</tr></thead>\n<tbody>"
    for first, *others in rows:
        cells = "".join(f"<td>{cell}</td>" for cell in others)
        yield f'<tr><th scope="row">{first}</th>{cells}</tr>'
    yield "</tbody>\n</table>\n</div>"


def pairs(items: Iterable[tuple[str, str]], kind: str) -> Iterator[str]:
    """A list of names and values, both plain text."""
    yield f'<dl class="{kind}">'
    for name, value in items:
        yield f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
    yield "</dl>"


def told(findings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Findings in words."""
    for name, value in findings.items():
        yield name.replace("_", " "), _said(value)


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        text = ", ".join(f"{name} {_said(each)}" for name, each in value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        left = len(value) - MOST_ENTRIES
        text = ", ".join(map(_said, value[:MOST_ENTRIES]))
        text += f" and {left} more" if left > 0 else ""
    elif isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, float):
        text = number(value, "", 0 if value.is_integer() else 2)
    else:
        text = "none" if value is None else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
