"""What each answer measures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from morphsep.evaluation.listening.screening import Rating
from morphsep.evaluation.listening.tables import Measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One answer, as one measure takes it."""

    measure: Measure
    listener: str
    item: str
    transition: str
    condition: str
    is_compared: bool
    """Whether it is about an in-between, and not about an end, an anchor or a check."""
    amount: float
    value: float

    @property
    def heard(self) -> tuple[str, str, float]:
        """What several conditions share: who listened, to which item, at which amount."""
        return self.listener, self.item, self.amount


def measured(rated: Iterable[Rating]) -> Iterator[Measured]:
    """Each answer as its measures take it. The position of an in-between has an error, too."""
    for rating in rated:
        stimulus = rating.stimulus
        is_compared = stimulus.role in ("morph", "truth")
        for measure, value in _values(rating, is_compared):
            yield Measured(
                measure=measure,
                listener=rating.listener,
                item=stimulus.item,
                transition=stimulus.transition,
                condition=stimulus.condition,
                is_compared=is_compared,
                amount=stimulus.amount,
                value=value,
            )


def _values(rating: Rating, is_compared: bool) -> Iterator[tuple[Measure, float]]:
    match rating.question:
        case "mos":
            yield "mos", rating.value
        case "quality":
            yield "quality", rating.value
        case "fusion":
            yield "two guitars heard", rating.value - 1
        case "position":
            yield "position", rating.value / 100
            if is_compared:  # equal errors on both sides of an amount must be equal numbers
                off = abs(rating.value - 100 * rating.stimulus.amount) / 100
                yield "position error", round(off, 9)
