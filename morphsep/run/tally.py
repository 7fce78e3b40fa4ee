"""What has become of a run's tracks so far, and whether too many have failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from morphsep import manifest
from morphsep.errors import SettingError
from morphsep.manifest import TrackRow
from morphsep.run.heartbeat import Heartbeat
from morphsep.run.summary import TrackResult
from morphsep.stages import Event, OnProgress, Outcome
from morphsep.storage import Location


@dataclass
class Tally:
    """What became of the tracks so far."""

    heartbeat: Heartbeat
    on_progress: OnProgress
    on_outcome: Callable[[Outcome], None]
    most: float
    """How many may fail."""
    tracks: dict[str, TrackResult] = field(default_factory=dict)
    failed: int = 0
    touched: list[TrackRow] = field(default_factory=list)
    """Rows with new stamps: of tracks that were looked into and found done."""

    def progress(self, event: Event) -> None:
        """A worker tells how far it is; not of a track that another has finished."""
        if event.track not in self.tracks:
            self.on_progress(event)

    def record(self, outcome: Outcome) -> None:
        """Counts a finished track, and tells whoever watches."""
        row = outcome.row
        self.tracks[row.track] = TrackResult(
            row.status, outcome.fresh, row.message, row.output, row.tags_warning is not None,
            row.stem_quality,
        )  # fmt: skip
        self.failed += row.status == "failed"
        self.heartbeat.record(outcome)
        self.on_outcome(outcome)

    def restamp(self, out: Location) -> None:
        """Puts the new stamps into the manifest, so that no later run looks into those tracks."""
        if self.touched:
            manifest.restamp(out, self.touched)
            self.touched = []

    @property
    def stopped(self) -> str | None:
        """Why the run has to be stopped, if it has."""
        if self.failed <= self.most:
            return None
        return f"stopped: {self.failed} tracks failed, and --max-failures allows {self.most}"


def most_failures(text: str | None, num_tracks: int) -> float:
    """How many tracks may fail, from what a user writes: a number, or a share such as "5%".

    Raises:
        SettingError: it is neither.
    """
    if text is None:
        return float("inf")
    number = text.strip().removesuffix("%")
    if not number.isdecimal() or ("%" in text and int(number) > 100):
        raise SettingError(f"--max-failures takes a number or a share such as 5%, got {text!r}")
    return int(number) * num_tracks // 100 if "%" in text else int(number)
