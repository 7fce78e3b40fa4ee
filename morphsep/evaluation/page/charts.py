"""Lines over an axis as SVG: its colours are those of the page's style, light or dark."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib import resources
from itertools import pairwise

from morphsep.evaluation.document import Chart

WIDTH, HEIGHT = 420, 240
LEFT, RIGHT, TOP, BOTTOM = 44, 110, 12, 36
"""Room around the lines, for the axes' numbers and the lines' names."""
STYLES = 6
"""Kinds of lines that the style sheet tells apart."""
APART = 14
"""Least pixels between the names of two lines."""


def chart(block: Chart) -> Iterator[str]:
    """An ``svg`` element; what it says is said in a table beside it, too."""
    top = max((max(values) for _, values in block.lines), default=0.0) or 1.0
    yield f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
    yield f"<title>{escape(block.title)}</title>"
    yield from _axes(block, top)
    names_at = _spread([_y(values[-1], top) for _, values in block.lines])
    for index, ((name, values), y) in enumerate(zip(block.lines, names_at, strict=True)):
        points = " ".join(
            f"{_x(x, block):.1f},{_y(value, top):.1f}"
            for x, value in zip(block.xs, values, strict=True)
        )
        kind = f"line-{index % STYLES}"
        yield f'<polyline class="{kind}" points="{points}"/>'
        yield f'<text class="{kind}" x="{WIDTH - RIGHT + 6}" y="{y + 4:.1f}">{escape(name)}</text>'
    yield "</svg>"


def chart_style() -> str:
    """The style sheet of charts; the page gives its colours (``--dim``, ``--line-0`` ...)."""
    return resources.files(__package__).joinpath("chart.css").read_text(encoding="utf-8")


def _axes(block: Chart, top: float) -> Iterator[str]:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    yield f'<path class="axis" d="M{LEFT},{TOP}V{bottom}H{right}"/>'
    for value in (0, top / 2, top):
        yield f'<text class="number" x="{LEFT - 6}" y="{_y(value, top) + 4:.1f}">{value:.3g}</text>'
    for x in block.xs:
        yield f'<text class="tick" x="{_x(x, block):.1f}" y="{bottom + 14}">{x:g}</text>'
    middle = (LEFT + right) / 2
    yield f'<text class="tick" x="{middle:.1f}" y="{HEIGHT - 6}">{escape(block.x_label)}</text>'
    at = (TOP + bottom) / 2
    yield (
        f'<text class="tick" x="10" y="{at:.1f}" transform="rotate(-90 10 {at:.1f})">'
        f"{escape(block.y_label)}</text>"
    )


def _x(x: float, block: Chart) -> float:
    first, last = min(block.xs), max(block.xs)
    return LEFT + (WIDTH - RIGHT - LEFT) * ((x - first) / (last - first) if last > first else 0.5)


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top


def _spread(wanted: list[float]) -> list[float]:
    """Heights near these at which names do not cover one another."""
    at = list(wanted)
    for lower, upper in pairwise(sorted(range(len(at)), key=at.__getitem__)):
        at[upper] = max(at[upper], at[lower] + APART)
    return at
