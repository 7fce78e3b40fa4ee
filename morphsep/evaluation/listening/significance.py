"""Whether listeners tell conditions apart.

No analysis of variance: ratings are bounded, skewed and unequally spread (AES e-library 19402). The
unit is the listener: each one's mean over all that was heard, so that twenty answers of one person
do not count as twenty persons.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from morphsep.evaluation.bootstrap import Floats

DIGITS = 9
"""Means are compared to so many: what differs by rounding alone is a tie."""


def wilcoxon(differences: Sequence[float] | Floats) -> float:
    """p of the two-sided signed-rank test that differences, one a listener, lie around 0.

    Zeros are left out, ties share their ranks, and p is exact with them, too: the share of all
    2^n ways to give the ranks signs whose sum is as far from the middle. 1 where nobody hears a
    difference.
    """
    from scipy.stats import rankdata

    known = np.round(np.asarray(differences, np.float64), DIGITS)
    known = known[known != 0]
    ranks = np.rint(2 * rankdata(np.abs(known))).astype(np.intp)  # halves become whole
    chances = np.ones(1)
    for rank in ranks:
        without = np.pad(chances, (0, rank))
        chances = (without + np.roll(without, rank)) / 2
    middle = ranks.sum() / 2
    found = abs(ranks[known > 0].sum() - middle)
    return float(min(1.0, chances[np.abs(np.arange(chances.size) - middle) >= found].sum()))


def friedman(ratings: Floats) -> tuple[float, float] | None:
    """Friedman's chi-square and its p for ``[listeners, conditions]``; None if there are fewer than
    two listeners or three conditions, or nobody hears any difference."""
    from scipy.stats import friedmanchisquare

    ratings = np.round(ratings, DIGITS)
    if ratings.shape[0] < 2 or ratings.shape[1] < 3 or not np.ptp(ratings, axis=1).any():
        return None
    found = friedmanchisquare(*ratings.T)
    return float(found.statistic), float(found.pvalue)


def holm(p: Sequence[float]) -> list[float]:
    """p values corrected for their number (S. Holm, Scandinavian Journal of Statistics 6, 1979):
    the k-th smallest of m times (m - k + 1), never less than a smaller one's, at most 1.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=lambda each: p[each])):
        largest = max(largest, min(1.0, (len(p) - rank) * p[index]))
        corrected[index] = largest
    return corrected
