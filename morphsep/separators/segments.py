"""The grid of a model's segments on a track, and the weighted sum of their estimates. Pure.

The grid is fixed to the track, not to the span that was asked for, so that every sample gets the
same estimates with the same weights however the work is cut. Geometry and triangular weights are
those of ``demucs.apply.apply_model`` (Defossez et al., MIT); the faded window is that of ``demix``
in Music-Source-Separation-Training (Solovyev et al., MIT).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from morphsep.dsp import Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One run of the model, in samples of the track. It sees real audio around the samples that
    count."""

    start: int
    """First sample that counts; may be negative where a shift moved the grid."""
    num_samples: int
    """How many count."""
    read_start: int
    """First sample that the model sees."""
    read_samples: int
    """How many it sees."""

    @property
    def stop(self) -> int:
        """One past the last sample that counts."""
        return self.start + self.num_samples


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentGrid:
    """Segments of `length` samples every `stride`, the first at `origin` <= 0, on one track."""

    track_samples: int
    length: int
    stride: int
    origin: int = 0
    model_length: Callable[[int], int]
    """Samples that the model must see for a segment of this many."""
    is_centred: bool = True
    """Whether the surplus that it sees lies on both sides, half on each; else all of it behind."""

    def touching(self, start: int, stop: int) -> Iterator[Segment]:
        """Segments with at least one sample in [start, stop), in order."""
        first = max(0, (start - self.origin - self.length) // self.stride + 1)
        end = min(stop, self.track_samples)
        for offset in range(self.origin + first * self.stride, end, self.stride):
            yield self._segment(offset)

    def _segment(self, offset: int) -> Segment:
        num_samples = min(self.length, self.track_samples - offset)
        read_samples = self.model_length(num_samples)
        before = (read_samples - num_samples) // 2 if self.is_centred else 0
        return Segment(
            start=offset,
            num_samples=num_samples,
            read_start=offset - before,
            read_samples=read_samples,
        )


def triangle(length: int) -> Signal:
    """Weights ``[length]`` that rise to 1 in the middle; never 0."""
    rising = np.arange(1, length // 2 + 1)
    falling = np.arange(length - length // 2, 0, -1)
    weights: Signal = np.concatenate([rising, falling]).astype(np.float32)
    weights /= weights.max()
    return weights


def faded(length: int, fade: int, *, fades_in: bool = True) -> Signal:
    """Weights ``[length]`` of 1 with a straight fade at the end, and at the begin if wanted. They
    begin next to 0: where nothing overlaps, what is weighed must come back."""
    weights = np.ones(length, np.float32)
    rising = np.maximum(np.linspace(0, 1, fade, dtype=np.float32), np.float32(1e-6))
    weights[length - fade :] = rising[::-1]
    if fades_in:
        weights[:fade] = rising
    return weights


@dataclass(slots=True, kw_only=True)
class OverlapAdd:
    """Weighted mean of overlapping estimates over the samples [start, stop) of a track.

    The weights are those of all segments in their order on the grid, whichever estimates come
    first, or never since they are zeros: sums of floats depend on the order.
    """

    num_channels: int
    start: int
    stop: int
    segments: Iterable[Segment]
    """All that touch these samples, in order."""
    window: Callable[[Segment], Signal]
    """Weights of a segment's samples."""
    _total: Signal = field(init=False)
    _weight: Signal = field(init=False)

    def __post_init__(self) -> None:
        self._total = np.zeros((self.num_channels, self.stop - self.start), np.float32)
        self._weight = np.zeros(self.stop - self.start, np.float32)
        for segment in self.segments:
            here, weight = self._place(segment)
            self._weight[here] += weight

    def add(self, segment: Segment, estimate: Signal) -> None:
        """Add ``[C, segment.read_samples]``, of which only the samples that count are used."""
        here, weight = self._place(segment)
        first = here.start + self.start - segment.read_start
        self._total[:, here] += weight * estimate[:, first : first + len(weight)]

    def _place(self, segment: Segment) -> tuple[slice, Signal]:
        """Where a segment counts, from `start`, and its weights there."""
        begin, end = max(segment.start, self.start), min(segment.stop, self.stop)
        weight = self.window(segment)[begin - segment.start : end - segment.start]
        return slice(begin - self.start, end - self.start), weight

    def result(self) -> Signal:
        """``[C, stop - start]``; every sample must have a weight."""
        assert self._weight.size == 0 or self._weight.min() > 0
        self._total /= self._weight
        return self._total
