"""What an access copy is made of, each read like a recording: a master, differences added to it.

    Master -> Added(Master, declick) -> Added(..., dehum) -> Resized(speed) -> Added(..., timbre)

`exact` reads in double precision, in which sums of integers stay integers; `read` is what repairs
and models see. No more than what is read is held in memory.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np

from morphsep.access.depth import Depth, Exact
from morphsep.access.reverting import kept
from morphsep.audio import AudioReader
from morphsep.dsp import ArrayInfo, Reader, RecordingInfo, Signal, Span
from morphsep.errors import TrackError

BLOCK_SECONDS = 10
"""What is worked on at a time."""


class Sound(ABC):
    """A recording that is read exactly."""

    def __init__(self, info: RecordingInfo) -> None:
        self.info = ArrayInfo(
            sample_rate=info.sample_rate, num_channels=info.num_channels,
            num_samples=info.num_samples,
        )  # fmt: skip

    @abstractmethod
    def exact(self, start: int, num_samples: int) -> Exact:
        """``[C, num_samples]``; zeros outside."""

    def read(self, start: int, num_samples: int) -> Signal:
        """The same in single precision."""
        return self.exact(start, num_samples).astype(np.float32)


class Master(Sound):
    """A master, on the values that its access copy can have."""

    def __init__(self, reader: AudioReader, depth: Depth) -> None:
        super().__init__(reader.info)
        self._reader, self._depth = reader, depth

    def exact(self, start: int, num_samples: int) -> Exact:
        """See `Sound`."""
        return self._depth.settle(self._reader.read(start, num_samples, dtype="float64"))


class Added(Sound):
    """A sound and a difference, which may be taken back in places."""

    def __init__(
        self, sound: Sound, difference: AudioReader, depth: Depth, reverted: Sequence[Span] = ()
    ) -> None:
        super().__init__(sound.info)
        self._sound, self._difference, self._depth = sound, difference, depth
        self._reverted = reverted

    def exact(self, start: int, num_samples: int) -> Exact:
        """See `Sound`.

        Raises:
            TrackError: the difference was made for another depth.
        """
        sound = self._sound.exact(start, num_samples)
        added = self._difference.read(start, num_samples, dtype="float64")
        if self._depth.bits is not None and not np.array_equal(self._depth.rounded(added), added):
            raise TrackError(
                "internal",
                f"a difference is finer than {self._depth.bits} bits: restore it with --force",
            )
        if self._reverted:
            rate = self.info.sample_rate
            added = self._depth.rounded(added * kept(self._reverted, start, num_samples, rate))
        return sound + added


class Resized(Sound):
    """What a repair that changes the length makes of a sound."""

    def __init__(self, reader: Reader, depth: Depth) -> None:
        super().__init__(reader.info)
        self._reader, self._depth = reader, depth

    def exact(self, start: int, num_samples: int) -> Exact:
        """See `Sound`."""
        return self._depth.rounded(self._reader.read(start, num_samples).astype(np.float64))


def spans(info: RecordingInfo) -> Iterator[tuple[int, int]]:
    """(first sample, samples) of the blocks of a sound, on a grid that begins at its sample 0."""
    step = BLOCK_SECONDS * info.sample_rate
    for start in range(0, info.num_samples, step):
        yield start, min(step, info.num_samples - start)
