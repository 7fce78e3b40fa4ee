"""The page of one recording."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html import escape
from importlib import resources

import numpy as np

from morphsep.page import document
from morphsep.report.choosing import excerpts
from morphsep.report.content import Check, Measure, Place, Restored, StepDone
from morphsep.report.listening import overview, players
from morphsep.report.marks import clock, number, pairs, table, told
from morphsep.report.snippets import SHOWN, around, curve, player
from morphsep.storage import Location

MOST_PLACES = 20
KEYS = (
    "In an excerpt: <kbd>Space</kbd> plays and pauses, <kbd>1</kbd> to <kbd>9</kbd> change to "
    "another sound at the same moment, <kbd>←</kbd> <kbd>→</kbd> move by half a second, "
    "<kbd>L</kbd> repeats. Colours are levels, the same in all pictures; low notes are at the "
    "bottom."
)
BAND = " The dashed line is the end of the surviving band, {}."


def page_name(track: str) -> str:
    """What the page of a recording is called."""
    return f"{track}.html"


def write_page(place: Location, restored: Restored, home: str = "") -> None:
    """Writes the page, whole or not at all.

    Args:
        home: the relative address of the batch's page, if there is one.

    Raises:
        TrackError: a recording cannot be read.
        OSError: the page cannot be written.
    """
    title = f"{restored.name}: restoration report"
    style, script = (asset(name) for name in ("report.css", "report.js"))
    page = document(title, style, script, _body(restored, home))
    place.write_bytes(page.encode("utf-8", "replace"))


def asset(name: str) -> str:
    """A file that lies beside this module."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _body(restored: Restored, home: str) -> Iterator[str]:
    yield '<body>\n<a class="skip" href="#listen">To the sounds</a>\n<main>\n<header>'
    batch = f'<a href="{escape(home)}">All recordings</a>' if home else ""
    yield f'<p class="kind"><span>Restoration report</span>{batch}</p>'
    yield f"<h1>{escape(restored.name)}</h1>"
    yield from _verdict(restored)
    yield from pairs(restored.facts, "facts")
    yield "</header>"
    for identity, heading, lines in (
        ("listen", "Listen", _listen(restored)),
        ("steps", "What was done", _steps(restored)),
        ("repairs", "The worst repairs", _repairs(restored)),
        ("measured", "Measured", _measured(restored)),
        ("checked", "Checked", _checked(restored)),
        ("files", "Files", _files(restored)),
        ("commands", "Take it back", _commands(restored)),
    ):
        content = list(lines)
        if content:
            yield f'<section id="{identity}">\n<h2>{heading}</h2>'
            yield from content
            yield "</section>"
    yield "</main>"


def _verdict(restored: Restored) -> Iterator[str]:
    broken = [check.name for check in restored.checks if not check.is_kept]
    names = ", ".join(step.name for step in restored.steps)
    if restored.status == "failed":
        text = f"Failed: {restored.message or 'no access copy was made'}"
    elif not restored.steps:
        text = "Nothing was changed: the access copy has the master's samples."
    else:
        text = f"Done: {names}."
    if broken:
        text += f" Out of bounds: {', '.join(broken)}."
    elif restored.checks and restored.status == "ok":
        text += " All that was checked lies within its bound."
    is_bad = restored.status == "failed" or bool(broken)
    yield f'<p class="verdict {"bad" if is_bad else "good"}">{escape(text)}</p>'
    if restored.message and restored.status != "failed":
        yield f'<p class="note">{escape(restored.message)}</p>'


def _listen(restored: Restored) -> Iterator[str]:
    if not restored.before.info.num_samples:
        return
    chosen = excerpts(restored)
    yield from overview(restored, chosen)
    edge = restored.bandwidth_hz
    band = "" if edge is None else BAND.format(number(edge, "Hz", 0))
    yield f'<p class="hint">{KEYS}{band}</p>'
    yield from players(restored, chosen)


def _steps(restored: Restored) -> Iterator[str]:
    info = restored.before.info
    total = info.num_samples * info.num_channels
    for step in restored.steps:
        yield f"<article>\n<h3>{escape(step.name)}</h3>\n<p>{escape(step.summary)}</p>"
        yield from pairs(_about(step, total), "about")
        found = list(told(step.findings))
        if found:
            yield "<details><summary>All that was found</summary>"
            yield from pairs(found, "found")
            yield "</details>"
        yield "</article>"


def _about(step: StepDone, total: int) -> Iterator[tuple[str, str]]:
    if step.num_changed is not None:
        share = 100 * step.num_changed / max(1, total)
        yield "changed", f"{number(step.num_changed, 'samples', 0)} ({share:.3g} %)"
    if step.peak_dbfs is not None:
        yield "largest change", number(step.peak_dbfs, "dBFS", 1)
    if step.difference_name:
        yield "difference file", step.difference_name
    if step.settings:
        yield "settings", step.settings


def _repairs(restored: Restored) -> Iterator[str]:
    places = [(step.name, place) for step in restored.steps for place in step.places]
    if not places:
        return
    places = sorted(places, key=lambda each: -each[1].size_db)[:MOST_PLACES]
    heads = ["At", "Step", "Length", "Removed", "Channel", "Before", "After"]
    yield f"<p>The shaded part was replaced; {1000 * SHOWN:g} ms on both sides are shown.</p>"
    yield from table(heads, (_repair(restored, *each) for each in places), "the worst repairs")


def _repair(restored: Restored, step: str, place: Place) -> list[str]:
    rate = restored.before.info.sample_rate
    shown = [("before", restored.before, place)]
    if restored.after is not None:
        there = replace(place, start=round(place.start * restored.stretch))
        shown.append(("after", restored.after, there))
    peaks = [np.abs(around(each, span, SHOWN)[0]).max(initial=0) for _, each, span in shown]
    scale = float(max(peaks)) or 1.0
    at = clock(place.start / rate)
    cells = [
        "".join(curve(each, span, scale, f"{label}, at {at}"))
        + player(each, span, f"{label}, at {at}")
        for label, each, span in shown
    ]
    return [
        at, escape(step), number(1000 * place.length / rate, "ms", 2),
        number(place.size_db, "dBFS", 1), str(place.channel + 1), *cells,
        *["–"] * (2 - len(cells)),
    ]  # fmt: skip


def _measured(restored: Restored) -> Iterator[str]:
    if restored.measures:
        rows = [_measure(each) for each in restored.measures]
        yield from table(["", "Before", "After", "Change"], rows, "what was measured")


def _measure(each: Measure) -> list[str]:
    change = None
    if each.before is not None and each.after is not None and np.isfinite(each.after - each.before):
        change = each.after - each.before
    told_change = number(change, each.unit, each.digits)
    values = [number(value, each.unit, each.digits) for value in (each.before, each.after)]
    return [escape(each.name), *map(escape, values), escape(_signed(told_change, change))]


def _signed(text: str, change: float | None) -> str:
    return f"+{text}" if change is not None and change > 0 else text


def _checked(restored: Restored) -> Iterator[str]:
    if restored.checks:
        rows = [_check(each) for each in restored.checks]
        yield from table(["What must not change", "Bound", "Found", ""], rows, "what was checked")


def _check(check: Check) -> list[str]:
    kind, said = ("good", "✓ kept") if check.is_kept else ("bad", "✗ broken")
    verdict = f'<span class="{kind}">{said}</span>'
    return [escape(check.name), escape(check.bound), escape(check.value), verdict]


def _files(restored: Restored) -> Iterator[str]:
    if restored.files:
        rows = [
            [escape(file.role), escape(file.name), f"<code>{escape(file.sha256)}</code>"]
            for file in restored.files
        ]
        yield from table(["", "File", "SHA-256"], rows, "files")


def _commands(restored: Restored) -> Iterator[str]:
    for what, command in restored.commands:
        yield f'<p>{escape(what)}</p>\n<pre tabindex="0"><code>{escape(command)}</code></pre>'
