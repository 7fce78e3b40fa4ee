"""Taking a step back: everywhere, or from one moment to another, with crossfades around."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Seconds, Span

FADE: Seconds = 0.005
"""How long a difference fades out before, and in after, where it is taken back."""


def merged(some: Iterable[Span]) -> list[Span]:
    """Spans in order, those that touch as one."""
    found: list[Span] = []
    for span in sorted(some, key=lambda one: (one.start, one.stop)):
        if found and span.start <= found[-1].stop:
            found[-1] = Span(found[-1].start, max(found[-1].stop, span.stop))
        else:
            found.append(span)
    return found


def kept(
    reverted: Sequence[Span], start: int, num_samples: int, sample_rate: int
) -> npt.NDArray[np.float64]:
    """How much of a difference stays at the samples [start, start + num_samples): ``[T]``, 0 inside
    the reverted spans, 1 outside, with raised cosines of `FADE` around them."""
    fade = max(1, round(FADE * sample_rate))
    gain = np.ones(num_samples)
    for span in reverted:
        first, last = max(span.start - fade, start), min(span.stop + fade, start + num_samples)
        if first >= last:
            continue
        at = np.arange(first, last)
        away = np.maximum(np.maximum(span.start - at, at - span.stop + 1), 0) / fade
        part = gain[first - start : last - start]
        np.minimum(part, 0.5 - 0.5 * np.cos(np.pi * np.minimum(away, 1.0)), out=part)
    return gain
