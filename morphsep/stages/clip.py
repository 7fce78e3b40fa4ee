"""The record that travels between workers: what to do next with which span of which track.

It never holds audio and stays small (a few kB pickled), however long the track is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from morphsep.dsp import Seconds, Span
from morphsep.manifest import TrackRow
from morphsep.request import Job
from morphsep.stages.scanning import Scan

StageName = Literal["repair", "separate", "morph", "assemble"]
"""The stages that take long enough to tell how far they are."""


@dataclass(frozen=True, slots=True)
class Event:
    """How far a track is; progress displays are made of these."""

    track: str
    stage: StageName
    done: int
    """Samples at 44.1 kHz that this stage has finished."""
    total: int


OnProgress = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job, and whether anything had to be done for it."""

    row: TrackRow
    """Where nothing had to be done: only the columns `morphsep.manifest.RESUMED`."""
    fresh: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A track, or a span of it, on its way through the stages."""

    job: Job
    previous: TrackRow | None = None
    """The track's row of an earlier run, of which it has the columns `morphsep.manifest.RESUMED`;
    only until the track is prepared."""
    finished_before: int = 0
    """`finished_ns` of the newest row of earlier runs: this run's have to be later, whatever a
    node's clock says."""
    scan: Scan | None = None
    scan_seconds: Seconds = 0.0
    stamp: str = ""
    """State of the input when it was scanned (`morphsep.stages.readable.Readable.stamp`)."""
    stem_stamp: str = ""
    """State of the user's own stem when it was hashed, likewise."""
    input_stamp: str | None = None
    own_stem_stamp: str | None = None
    own_stem_hash: str | None = None
    """For the columns of these names."""
    stem_key: str = ""
    key: str = ""
    sound: str = ""
    """Where the sound lies that is separated, if it is not the input itself but made of it."""
    sound_stamp: str = ""
    """As `stamp`."""
    sound_scan: Scan | None = None
    """The scan of `sound`."""
    section: Span | None = None
    """The span to work on; None: the whole track."""
    shares_stem: bool = False
    """Whether other tracks of this run need the same stem."""
    separated: bool = False
    """Whether this run had to separate anything of the track."""
    outcome: Outcome | None = None
    """Set once the track is done, one way or the other: the stages left pass it on."""

    @property
    def source(self) -> Scan:
        """The scan of a prepared track: of what is separated."""
        found = self.sound_scan or self.scan
        assert found is not None
        return found
