"""How a run ended: what became of every track, and the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from morphsep import manifest
from morphsep.manifest import TrackRow
from morphsep.stages import Outcome
from morphsep.storage import Location

Fate = Literal["done", "skipped", "failed"]


class TrackResult(NamedTuple):
    """What is kept of a track until the run ends; its row, ten times as much, is on storage."""

    status: str
    fresh: bool
    """Whether anything had to be done for it."""
    message: str | None
    output: str | None
    lacks_tags: bool
    """Whether tags of its input were left out."""
    stem_quality: float | None = None
    """Of a stem that is an estimate, where this run has looked at it."""

    @property
    def fate(self) -> Fate:
        """``skipped``: done before, or nothing to do."""
        if self.status == "failed":
            return "failed"
        return "done" if self.fresh and self.status == "ok" else "skipped"


@dataclass(frozen=True)
class Summary:
    """How a run ended."""

    out: Location
    tracks: Mapping[str, TrackResult]
    """In the order in which they were finished."""
    stopped: str | None = None
    """Why it was stopped before its end, if it was."""

    def which(self, fate: Fate) -> dict[str, TrackResult]:
        """The tracks that came to this."""
        return {track: result for track, result in self.tracks.items() if result.fate == fate}

    @property
    def num_lacking_tags(self) -> int:
        """How many tracks lack tags of their input."""
        return sum(result.lacks_tags for result in self.tracks.values())

    @cached_property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Every track's row, from the manifest."""
        rows = {row.track: row for row in manifest.read_tracks(self.out, self.tracks)}
        return tuple(Outcome(rows[track], result.fresh) for track, result in self.tracks.items())

    @property
    def done(self) -> list[TrackRow]:
        """Rows of the tracks that this run finished."""
        return [o.row for o in self.outcomes if self.tracks[o.row.track].fate == "done"]

    @property
    def failed(self) -> list[TrackRow]:
        """Rows of the tracks that failed."""
        return [o.row for o in self.outcomes if self.tracks[o.row.track].fate == "failed"]

    @property
    def exit_code(self) -> Literal[0, 2, 3]:
        """0: all done; 2: some tracks failed; 3: nothing could be done."""
        failed = len(self.which("failed"))
        if not failed and not self.stopped:
            return 0
        return 3 if failed == len(self.tracks) else 2
