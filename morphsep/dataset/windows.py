"""Where a guitar plays: the passages of a stem that become clips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from morphsep.dsp import MODEL_RATE, Span, from_db

QUIET = from_db(-60.0)
"""RMS of a second below which nothing plays, linear."""
PLAYED = from_db(-30.0)
"""The same beside the stem's loudest second."""
SHARE = 0.5
"""Least share of a clip's seconds in which the guitar plays."""


def windows(rms_per_second: Sequence[float], num_samples: int, length: int) -> list[Span]:
    """Spans of `length` samples at 44.1 kHz, side by side, in which the guitar plays.

    Args:
        rms_per_second: of the whole stem, linear.
        num_samples: of the whole stem.
    """
    rms = np.asarray(rms_per_second)
    plays = rms > max(QUIET, PLAYED * float(rms.max(initial=0.0)))
    spans = [Span(start, start + length) for start in range(0, num_samples - length + 1, length)]
    return [
        span
        for span in spans
        if plays[span.start // MODEL_RATE : -(-span.stop // MODEL_RATE)].mean() >= SHARE
    ]


def chosen(spans: Sequence[Span], most: int | None) -> list[Span]:
    """At most so many of them, spread evenly."""
    if most is None or len(spans) <= most:
        return list(spans)
    return [spans[n * len(spans) // most] for n in range(most)]
