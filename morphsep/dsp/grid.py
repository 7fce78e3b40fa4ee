"""Where sections and chunks lie: integer sample arithmetic, pure.

Everything is counted from the track's sample 0 at 44.1 kHz and depends on the track's length
alone, so that a chunk is the same wherever, and together with whichever others, it is processed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from morphsep.dsp.signal import MODEL_RATE, Seconds
from morphsep.errors import SettingError


@dataclass(frozen=True, slots=True)
class Span:
    """Samples [start, stop)."""

    start: int
    stop: int

    @property
    def num_samples(self) -> int:
        return self.stop - self.start


def samples(seconds: Seconds, sample_rate: int = MODEL_RATE) -> int:
    """Nearest whole number of samples.

    >>> samples(0.5)
    22050
    """
    return round(seconds * sample_rate)


def sections(num_samples: int, length: int) -> list[Span]:
    """A track cut into spans of `length` samples (the last may be shorter).

    >>> sections(10, 4)
    [Span(start=0, stop=4), Span(start=4, stop=8), Span(start=8, stop=10)]
    """
    if length < 1:
        raise SettingError(f"a section needs at least one sample, got {length}")
    return [Span(a, min(a + length, num_samples)) for a in range(0, num_samples, length)]


@dataclass(frozen=True, slots=True)
class Grid:
    """Chunks of `chunk` samples that overlap their neighbours by `overlap` samples.

    >>> grid = Grid(chunk=10, overlap=2)
    >>> [(s.start, s.stop) for s in grid.spans(25)]
    [(0, 10), (8, 18), (16, 25)]
    """

    chunk: int
    overlap: int

    def __post_init__(self) -> None:
        if not 0 <= self.overlap <= self.chunk // 2:
            raise SettingError(
                f"the overlap must lie between 0 and half a chunk ({self.chunk // 2} samples), "
                f"got {self.overlap}"
            )
        if self.hop < 1:
            raise SettingError(f"a chunk needs at least one sample, got {self.chunk}")

    @property
    def hop(self) -> int:
        """Distance between the first samples of neighbouring chunks."""
        return self.chunk - self.overlap

    def num_chunks(self, num_samples: int) -> int:
        """Chunks that cover a track; each is longer than the overlap unless the track is tiny."""
        return max(1, -(-(num_samples - self.overlap) // self.hop))

    def span(self, index: int, num_samples: int) -> Span:
        """The samples that chunk `index` covers."""
        start = index * self.hop
        return Span(start, min(start + self.chunk, num_samples))

    def spans(self, num_samples: int) -> Iterator[Span]:
        """All chunks of a track, in order."""
        return (self.span(i, num_samples) for i in range(self.num_chunks(num_samples)))

    def touching(self, span: Span, num_samples: int) -> range:
        """Indices of the chunks that cover any sample of `span`."""
        first = max(0, -(-(span.start - self.chunk + 1) // self.hop))
        last = (span.stop - 1) // self.hop
        return range(first, min(last + 1, self.num_chunks(num_samples)))

    def seam(self, index: int, num_samples: int) -> Span:
        """Where chunk `index` (>= 1) overlaps the chunk before it."""
        start = index * self.hop
        return Span(start, min(start + self.overlap, num_samples))
