"""The page that sums up a batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from morphsep.dsp import Seconds
from morphsep.page import document
from morphsep.report.marks import clock, number, table
from morphsep.report.page import asset, page_name
from morphsep.storage import Location

MOST_ROWS = 500
"""A browser has to open the page, however many recordings there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRow:
    """A recording."""

    name: str
    status: str
    """ok, skipped or failed."""
    message: str = ""
    steps: Sequence[str] = ()
    seconds: Seconds | None = None
    num_repairs: int | None = None
    num_checks: int = 0
    broken: Sequence[str] = ()
    """Names of the checks that were not kept."""
    has_page: bool = True


def write_index(place: Location, rows: Iterable[IndexRow]) -> None:
    """Writes the page, whole or not at all: what failed comes first, then by name; no more than
    `MOST_ROWS`.

    Raises:
        OSError: it cannot be written.
    """
    shown = sorted(rows, key=lambda row: (row.status == "ok" and not row.broken, row.name))
    style, script = (asset(name) for name in ("report.css", "report.js"))
    page = document("Restoration report", style, script, _body(shown))
    place.write_bytes(page.encode("utf-8", "replace"))


def _body(rows: Sequence[IndexRow]) -> Iterator[str]:
    yield '<body>\n<main>\n<header>\n<p class="kind"><span>Restoration report</span></p>'
    yield f"<h1>{len(rows)} recording{'' if len(rows) == 1 else 's'}</h1>"
    counts = Counter(row.status for row in rows)
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    is_bad = any(row.status == "failed" or row.broken for row in rows)
    kind = "bad" if is_bad else "good"
    yield f'<p class="verdict {kind}">{escape(told or "none")}</p>\n</header>'
    if rows:
        yield '<p class="search"><label>Find <input type="search" data-filter></label></p>'
        heads = ["Recording", "Status", "Length", "Steps", "Repairs", "Checked"]
        yield from table(heads, map(_row, rows[:MOST_ROWS]), "recordings")
    if len(rows) > MOST_ROWS:
        yield f"<p>{len(rows) - MOST_ROWS} more are in the manifest.</p>"
    yield "</main>"


def _row(row: IndexRow) -> list[str]:
    name = escape(row.name)
    if row.has_page:
        # "./": a name like javascript:x is a file's, too
        name = f'<a href="./{escape(quote(page_name(row.name), errors="replace"))}">{name}</a>'
    kind = "bad" if row.status == "failed" else "good" if row.status == "ok" else ""
    status = f'<span class="{kind}">{escape(row.status)}</span>'
    if row.message:
        status += f"<br><small>{escape(row.message)}</small>"
    return [
        name, status, "–" if row.seconds is None else clock(row.seconds),
        escape(", ".join(row.steps)) or "–", number(row.num_repairs, "", 0), _checked(row),
    ]  # fmt: skip


def _checked(row: IndexRow) -> str:
    if row.broken:
        return f'<span class="bad">✗ {escape(", ".join(row.broken))}</span>'
    return f'<span class="good">✓ {row.num_checks} kept</span>' if row.num_checks else "–"
