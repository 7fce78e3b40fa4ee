"""Intervals for averages over answers or clips that come in clusters.

Twenty answers of one listener, or eleven amounts of one guitar, are no twenty or eleven
independent pieces of evidence. So whole clusters are drawn again, with replacement. Where values
belong to two kinds of clusters at once (a listener and an item), each kind is drawn by itself and a
value counts as often as both of its clusters were drawn together.

Sources: A. B. Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1 (2007); Owen and
Eckles, "Bootstrapping data arrays of arbitrary order", ibid. 6 (2012): with two kinds the intervals
are mildly too wide, never too narrow for that reason. With few clusters plain percentiles are too
narrow; they are widened as in T. Hesterberg, "What teachers should know about the bootstrap"
(The American Statistician 69, 2015, "expanded percentile interval"), by the smallest number of
clusters of any kind.

Fewer than `LEAST` clusters cannot bear an interval: what claims 95 % holds the truth in 52, 73 and
85 % of experiments with 2, 3 and 4 normally distributed clusters (91 % with 5). A kind with fewer
is not drawn; the interval then speaks about those clusters alone. Where no kind is left there is
none.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Statistic = Literal["mean", "median"]

DRAWS = 2000
LEAST = 5
"""Clusters of a kind below which it is not drawn."""
CONFIDENCE = 0.95
_AT_A_TIME = 1 << 21
"""Weights held at a time (16 MiB)."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An average, and where it lies with the confidence asked for; in the unit of the values."""

    value: float
    low: float | None
    """None where every kind has fewer than `LEAST` clusters."""
    high: float | None


def bootstrap(
    values: Sequence[float] | Floats,
    *clusters: Sequence[Hashable],
    statistic: Statistic = "mean",
    seed: int = 0,
    draws: int = DRAWS,
    confidence: float = CONFIDENCE,
) -> Interval:
    """The mean or median of values, with its interval.

    `values`: ``[N]``, finite. `clusters`: one label a value, ``[N]``, for each kind of clusters;
    without any, each value is a cluster of its own. Kinds with fewer than `LEAST` different labels
    are not drawn. The same arguments, the same interval.

    Raises:
        ValueError: no values, some that are not finite, or labels of another number.
    """
    known = np.asarray(values, np.float64)
    if known.ndim != 1 or not known.size or not np.isfinite(known).all():
        raise ValueError("values must be finite, one or more, in one dimension")
    kinds = [_numbered(labels) for labels in clusters or [range(known.size)]]
    if any(kind.size != known.size for kind in kinds):
        raise ValueError("each kind of clusters needs one label a value")
    order = np.argsort(known, kind="stable")
    known, kinds = known[order], [kind[order] for kind in kinds]
    average = _medians if statistic == "median" else _means
    value = float(average(known, np.ones((1, known.size)))[0])
    kinds = [kind for kind in kinds if _number(kind) >= LEAST]
    if not kinds:
        return Interval(value, None, None)
    drawn = np.concatenate(
        [average(known, weights) for weights in _weights(kinds, draws, np.random.default_rng(seed))]
    )
    low, high = np.quantile(drawn, _tails(min(map(_number, kinds)), confidence))
    return Interval(value, float(low), float(high))


def _numbered(labels: Sequence[Hashable]) -> npt.NDArray[np.intp]:
    """Labels as 0, 1, ... in order of their first appearance."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(label, len(numbers)) for label in labels], np.intp)


def _number(kind: npt.NDArray[np.intp]) -> int:
    """How many different clusters."""
    return int(kind.max()) + 1


def _weights(
    kinds: Sequence[npt.NDArray[np.intp]], draws: int, rng: np.random.Generator
) -> Iterator[Floats]:
    """How often each value counts in each draw, ``[some draws, N]``.

    A draw in which no value is left (clusters drawn that never met) is drawn again.
    """
    rows = max(1, _AT_A_TIME // kinds[0].size)
    while draws:
        weights = np.ones((min(rows, draws), kinds[0].size))
        for kind in kinds:
            number = _number(kind)
            counts = rng.multinomial(number, np.full(number, 1 / number), size=len(weights))
            weights *= counts[:, kind]
        weights = weights[weights.any(axis=1)]
        draws -= len(weights)
        yield weights


def _means(values: Floats, weights: Floats) -> Floats:
    """``[N]`` and ``[D, N]`` -> ``[D]``."""
    return np.asarray(weights @ values / weights.sum(axis=1))


def _medians(values: Floats, weights: Floats) -> Floats:
    """Weighted medians of sorted values, ``[N]`` and ``[D, N]`` -> ``[D]``: the middle of the two
    values in the middle."""
    passed = np.cumsum(weights, axis=1)
    half = passed[:, -1:] / 2
    lower = np.argmax(passed >= half, axis=1)
    upper = np.argmax(passed > half, axis=1)
    return np.asarray((values[lower] + values[upper]) / 2)


def _tails(clusters: int, confidence: float) -> tuple[float, float]:
    """The two quantiles of what was drawn; Hesterberg 2015, section 5.3."""
    from scipy.special import ndtr, stdtrit

    tail = (1 - confidence) / 2
    t = stdtrit(clusters - 1, tail)
    low = float(ndtr(t * np.sqrt(clusters / (clusters - 1))))
    return low, 1 - low
