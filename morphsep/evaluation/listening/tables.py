"""What comes of a listening test: the rows of its tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from morphsep.evaluation.bootstrap import Interval
from morphsep.evaluation.listening.screening import Exclusion

Measure = Literal["mos", "two guitars heard", "position", "position error", "quality"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
"""mos: 1 to 5. two guitars heard: the share. position: 0 is end A, 1 is end B. position error:
how far that is from the amount. quality: 0 to 100."""

COMPARED: tuple[Measure, ...] = ("mos", "two guitars heard", "position error", "quality")
"""Those whose conditions are compared with each other."""

ALL = "all"
"""The transition of rows over all transitions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How one condition was rated at one amount. Intervals are of 95 %, over listeners and items;
    where either are fewer than five, over the other alone, and none where both are."""

    measure: Measure
    transition: str
    condition: str
    amount: float
    listeners: int
    items: int
    answers: int
    mean: Interval
    median: Interval | None
    """None for a share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two conditions by the same listeners with the same items and amounts."""

    measure: Measure
    first: str
    second: str
    listeners: int
    items: int
    difference: Interval
    """Mean of first - second, with its interval of 95 %."""
    spread: float | None
    """Standard deviation, over listeners, of each one's mean difference."""
    p: float
    """Wilcoxon's signed-rank test over listeners."""
    p_holm: float
    """Corrected for all comparisons of this measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Friedman's test: whether any of the conditions differ."""

    measure: Measure
    conditions: int
    listeners: int
    chi_square: float
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """How many listeners would find a difference of `difference` MOS with a power of 80 %."""

    difference: float
    spread: float
    """Standard deviation, over listeners, of each one's mean difference."""
    comparisons: int
    listeners: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Everything that came of a test."""

    test: str
    listeners: int
    """Who are counted."""
    excluded: tuple[Exclusion, ...]
    scores: tuple[Score, ...]
    comparisons: tuple[Comparison, ...]
    agreement: tuple[Agreement, ...]
    needed: Needed | None
    """None where MOS was not asked, or all gave the same answers."""
