"""Separators: what takes the guitar out of the mix.

Found by entry point ``morphsep.separators``, ours by the same door as anybody's.
"""

from __future__ import annotations

from typing import Protocol

from morphsep.dsp import Signal


class Mix(Protocol):
    """What a separator sees of a track: its samples at 44.1 kHz, wherever it asks for them."""

    @property
    def num_samples(self) -> int:
        """Length of the track at 44.1 kHz, in samples."""
        ...

    @property
    def num_channels(self) -> int:
        """1 or 2."""
        ...

    @property
    def mean(self) -> float:
        """Mean of the whole track's mono sum; taken once, when the work is planned."""
        ...

    @property
    def std(self) -> float:
        """Standard deviation (unbiased) of the whole track's mono sum."""
        ...

    @property
    def stem_path(self) -> str | None:
        """The user's own stem for this track, if there is one."""
        ...

    def read(self, start: int, num_samples: int) -> Signal:
        """``[C, num_samples]`` at 44.1 kHz; zeros outside the track. `start` may be negative."""
        ...


class Separator(Protocol):
    """Takes the guitar out. Weights are read by the first ``separate`` (or ``load``)."""

    @property
    def name(self) -> str:
        """Name on the command line and in the manifest."""
        ...

    @property
    def weights_hash(self) -> str | None:
        """sha256 (hex) of the weights, None where there are none."""
        ...

    def fingerprint(self) -> str:
        """Everything that the stem depends on besides the mix, as a stable string."""
        ...

    def separate(self, mix: Mix, start: int, stop: int) -> Signal:
        """The guitar in the track's samples [start, stop) at 44.1 kHz: ``[C, stop - start]``.

        The result must not depend on where a track is cut: ``separate(0, n)`` equals the
        concatenation of ``separate(0, k)`` and ``separate(k, n)`` for every k.

        Raises:
            TrackError: this track cannot be separated (a missing stem of the user's, say).
        """
        ...
