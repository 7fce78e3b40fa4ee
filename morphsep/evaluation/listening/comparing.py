"""Conditions against each other, heard by the same listeners."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from morphsep.evaluation.bootstrap import bootstrap
from morphsep.evaluation.listening.measuring import Measured
from morphsep.evaluation.listening.significance import friedman, holm, wilcoxon
from morphsep.evaluation.listening.tables import Agreement, Comparison, Measure

Heard = tuple[str, str, float]
"""Listener, item, amount."""
Cells = Mapping[Heard, Mapping[str, float]]
"""What was said of each condition, where the same was heard."""


def cells(values: Iterable[Measured], measure: Measure) -> Cells:
    """One measure's answers about in-betweens."""
    found: dict[Heard, dict[str, float]] = defaultdict(dict)
    for value in values:
        if value.measure == measure and value.is_compared:
            found[value.heard][value.condition] = value.value
    return found


def compare(measure: Measure, found: Cells) -> list[Comparison]:
    """Every condition with every other that the same listeners heard in the same places, sorted by
    name; p corrected for the number of pairs."""
    conditions = sorted({condition for cell in found.values() for condition in cell})
    pairs = [
        comparison
        for first, second in combinations(conditions, 2)
        if (comparison := _compare(measure, found, first, second))
    ]
    corrected = holm([pair.p for pair in pairs])
    return [replace(pair, p_holm=p) for pair, p in zip(pairs, corrected, strict=True)]


def _compare(measure: Measure, found: Cells, first: str, second: str) -> Comparison | None:
    """One pair, its p not yet corrected; None if nobody heard both in one place."""
    both = {
        heard: cell[first] - cell[second]
        for heard, cell in found.items()
        if first in cell and second in cell
    }
    if not both:
        return None
    listeners, items, _ = zip(*both, strict=True)
    means = _means(listeners, both.values())
    p = wilcoxon(means)
    return Comparison(
        measure=measure,
        first=first,
        second=second,
        listeners=len(means),
        items=len(set(items)),
        difference=bootstrap(list(both.values()), listeners, items),
        spread=float(np.std(means, ddof=1)) if len(means) > 1 else None,
        p=p,
        p_holm=p,
    )


def agree(measure: Measure, found: Cells) -> Agreement | None:
    """Friedman's test over listeners, where all conditions were heard in one place; None where
    there is nothing to test."""
    conditions = sorted({condition for cell in found.values() for condition in cell})
    whole = {heard: cell for heard, cell in found.items() if len(cell) == len(conditions)}
    if not whole:
        return None
    listeners = [listener for listener, _, _ in whole]
    columns = [_means(listeners, [cell[name] for cell in whole.values()]) for name in conditions]
    table = np.array(columns).T
    if (tested := friedman(table)) is None:
        return None
    return Agreement(
        measure=measure,
        conditions=len(conditions),
        listeners=len(table),
        chi_square=tested[0],
        p=tested[1],
    )


def _means(listeners: Sequence[str], values: Iterable[float]) -> list[float]:
    """Each listener's mean."""
    own: dict[str, list[float]] = defaultdict(list)
    for listener, value in zip(listeners, values, strict=True):
        own[listener].append(value)
    return [float(np.mean(some)) for some in own.values()]
