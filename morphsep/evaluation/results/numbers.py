"""How a mean stands in the report's tables."""

from __future__ import annotations

from morphsep.evaluation.results.cells import Cell
from morphsep.evaluation.results.scores import Average, number


def shown(each: Average | Cell | None) -> str:
    """A mean with its interval, for tables; empty where there is none."""
    if each is None:
        return ""
    if each.low is None:
        return number(each.value)
    return f"{number(each.value)} ({number(each.low)} to {number(each.high)})"
