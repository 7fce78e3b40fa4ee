"""What a tone is: it renders the stem as it would sound through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from morphsep.dsp import Signal


@runtime_checkable
class Tone(Protocol):
    """What a backend needs to know of a tone. Cheap to build, picklable, immutable. What it may
    have besides: `ToneTraits` and `Fitting`."""

    @property
    def name(self) -> str:
        """Name on the command line and in the manifest."""
        ...

    @property
    def description(self) -> str:
        """One sentence for ``morphsep tones``."""
        ...

    @property
    def context(self) -> tuple[int, int]:
        """(before, after): samples at 44.1 kHz that ``render`` needs on each side to settle."""
        ...

    def fingerprint(self) -> str:
        """Everything that the sound depends on, as a stable string: goes into the track's key."""
        ...

    def render(self, stem: Signal, start: int, level: float) -> Signal:
        """The stem through this tone.

        Args:
            stem: ``[C, T]`` at 44.1 kHz, C in {1, 2}.
            start: the song's sample at which ``stem[:, 0]`` stands; LFOs take their phase from it.
            level: integrated loudness of the whole track's stem in LUFS (``-inf`` if silent):
                drives are relative to it, so that a quiet recording distorts like a loud one.

        Returns:
            ``[C, T]``, aligned with the stem sample by sample. The first ``context[0]`` and the
            last ``context[1]`` samples may not have settled.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stem:
    """A whole track's stem, as a tone sees it that is fitted to it."""

    read: Callable[[int, int], Signal]
    """``read(start, n)`` -> ``[C, n]`` at 44.1 kHz; zeros outside the track."""
    num_samples: int
    """Length at 44.1 kHz."""
    num_channels: int
    rms_per_second: Sequence[float]
    """Linear RMS of each second over all channels."""
    level: float
    """Integrated loudness in LUFS; ``-inf`` if silent."""


@runtime_checkable
class Fitting(Protocol):
    """What a tone has besides, if it must know the whole stem before it can render: it is fitted
    once per track. Until then ``render`` need not work; the fitted tone's ``context`` counts."""

    def fit(self, stem: Stem) -> dict[str, Any]:
        """What ``fitted`` needs to know of this stem: JSON's own types, kept beside the stem.

        Raises:
            TrackError: this track cannot be done with this tone.
        """
        ...

    def fitted(self, facts: Mapping[str, Any]) -> Tone:
        """The tone that renders this track, from what ``fit`` has returned."""
        ...
