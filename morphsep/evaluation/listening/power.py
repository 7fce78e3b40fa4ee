"""How many listeners it takes to tell two conditions apart."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, pi, sqrt

from morphsep.evaluation.listening.tables import Comparison, Needed

MOS_DIFFERENCE = 0.3
"""The difference that is asked about."""


def listeners_needed(
    difference: float,
    spread: float,
    *,
    comparisons: int = 1,
    confidence: float = 0.95,
    power: float = 0.8,
) -> int:
    """How many listeners a Wilcoxon test needs to find a difference.

    `spread` is the standard deviation, over listeners, of each one's mean difference between two
    conditions; `comparisons` are corrected for as Holm's first and hardest step does. Guenther's
    formula for the paired t test (The American Statistician 35, 1981: normal quantiles, and half
    the square of the first), times pi / 3, since the signed-rank test uses 3 / pi of what normal
    data tell (Hodges and Lehmann, Annals of Mathematical Statistics 27, 1956).

    >>> listeners_needed(0.3, 0.6)
    35
    """
    from scipy.special import ndtri

    sure = ndtri(1 - (1 - confidence) / 2 / comparisons)
    paired = ((sure + ndtri(power)) * spread / difference) ** 2 + sure**2 / 2
    return max(2, ceil(pi / 3 * paired))


def needed(spread: float, comparisons: int) -> Needed:
    """How many listeners a difference of `MOS_DIFFERENCE` takes."""
    return Needed(
        difference=MOS_DIFFERENCE,
        spread=spread,
        comparisons=comparisons,
        listeners=listeners_needed(MOS_DIFFERENCE, spread, comparisons=comparisons),
    )


def needed_after(comparisons: Sequence[Comparison]) -> Needed | None:
    """The same for the spread that was found, as the root mean square over the comparisons of MOS;
    None without any, or where no two listeners differ."""
    own = [each for each in comparisons if each.measure == "mos"]
    spreads = [each.spread for each in own if each.spread]
    if not spreads:
        return None
    return needed(sqrt(sum(spread**2 for spread in spreads) / len(spreads)), len(own))
