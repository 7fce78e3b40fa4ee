"""What was measured at each amount, over the clips of a transition."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from morphsep.evaluation.bootstrap import bootstrap
from morphsep.evaluation.results.measures import Curve
from morphsep.evaluation.results.scores import Score

Cells = Mapping[tuple[str, str, float], float]
"""A mean by (backend, transition, amount between the ends)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A mean over clips, with its interval of 95 %, by sources."""

    backend: str
    transition: str
    amount: float
    """Between 0 and 1."""
    clips: int
    value: float
    low: float | None
    """None where there are fewer than five sources."""
    high: float | None


def cells(scores: Iterable[Score], curve: Curve) -> list[Cell]:
    """One curve at the inner amounts, sorted by backend, transition and amount."""
    known = defaultdict[tuple[str, str, float], list[tuple[float, str]]](list)
    for score in scores:
        for amount, value in _inner(score, curve):
            known[score.backend, score.transition, amount].append((value, score.source))
    return [_cell(key, pairs) for key, pairs in sorted(known.items())]


def margins(scores: Sequence[Score], curve: Curve, baseline: str) -> list[Cell]:
    """The same less what the baseline has of the same clip: clips of which either failed do not
    count. Below 0 a distance is shorter than the baseline's."""
    base = {score.item: dict(_inner(score, curve)) for score in scores if score.backend == baseline}
    known = defaultdict[tuple[str, str, float], list[tuple[float, str]]](list)
    for score in scores:
        for amount, value in _inner(score, curve) if score.backend != baseline else ():
            if amount in base.get(score.item, {}):
                beside = value - base[score.item][amount]
                known[score.backend, score.transition, amount].append((beside, score.source))
    return [_cell(key, pairs) for key, pairs in sorted(known.items())]


def in_common(
    scores: Iterable[Score],
    is_defined: Callable[[Score], bool],
    group: Callable[[Score], Hashable] = lambda score: score.transition,
) -> list[Score]:
    """The rows of clips for which each backend has something, of those that have any in the clip's
    group: only over these may backends be compared."""
    known = [score for score in scores if is_defined(score)]
    shown, of_item = defaultdict[Hashable, set[str]](set), defaultdict[str, set[str]](set)
    for score in known:
        shown[group(score)].add(score.backend)
        of_item[score.item].add(score.backend)
    return [score for score in known if of_item[score.item] == shown[group(score)]]


def _inner(score: Score, curve: Curve) -> Iterator[tuple[float, float]]:
    for amount, value in zip(score.amounts, getattr(score, curve), strict=True):
        if 0 < amount < 1 and isfinite(value):
            yield amount, value


def _cell(key: tuple[str, str, float], pairs: Sequence[tuple[float, str]]) -> Cell:
    backend, transition, amount = key
    values, sources = zip(*pairs, strict=True)
    found = bootstrap(values, sources)
    return Cell(
        backend=backend, transition=transition, amount=amount, clips=len(values),
        value=found.value, low=found.low, high=found.high,
    )  # fmt: skip
