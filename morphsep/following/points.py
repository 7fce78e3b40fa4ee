"""A curve in few points."""

from __future__ import annotations

from collections.abc import Sequence


def thinned(values: Sequence[float], tolerance: float) -> list[int]:
    """Which of evenly spaced values to keep, so that straight lines between them stay as near to
    all others as is told: the swinging door of E. Bristol, "Swinging door trending: adaptive trend
    recording?", Proc. ISA National Conference 1990, through the values themselves."""
    kept, steepest, flattest = [0], float("inf"), float("-inf")
    for at in range(1, len(values)):
        last = kept[-1]
        if not flattest <= (values[at] - values[last]) / (at - last) <= steepest:
            kept.append(at - 1)
            last, steepest, flattest = at - 1, float("inf"), float("-inf")
        over, distance = values[at] - values[last], at - last
        steepest = min(steepest, (over + tolerance) / distance)
        flattest = max(flattest, (over - tolerance) / distance)
    return [*kept, len(values) - 1] if len(values) > 1 else kept
