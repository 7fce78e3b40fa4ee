"""Where a run keeps what it needs between stages: ``OUT/.morphsep``.

Everything in it is named by a digest of what it depends on, is whole or not there, and can be
deleted at any time: it would only have to be made again.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from morphsep.files import TEMPORARY, digest
from morphsep.manifest import SCHEMA_VERSION
from morphsep.section_store import SectionStore
from morphsep.storage import Location, location, lock
from morphsep.storage_lock import Held


class Workspace:
    """The folder that a run writes to, and what lies where in it."""

    def __init__(self, out: str | Path | Location) -> None:
        self.out = location(out)
        self.root = self.out / ".morphsep"

    def scan_file(self, content_hash: str, channels: tuple[int, int] | None) -> Location:
        """What was measured of an input."""
        picked = "" if channels is None else f"-{channels[0]}-{channels[1]}"
        name = f"{content_hash}{picked}-v{SCHEMA_VERSION}.json"
        return self.root / "scans" / content_hash[:2] / name

    def scratch(self, track: str) -> Path:
        """A folder on this machine for copies of a track's input, fetched or decoded; whoever
        finishes the track removes it."""
        if self.out.is_local:
            top = self.root.path / "scratch"
        else:
            name = f"morphsep-{os.getuid()}-{digest(self.out)[:16]}"
            top = Path(tempfile.gettempdir()) / name
        return top / digest(track)[:32]

    def stem(self, stem_key: str, num_channels: int) -> SectionStore:
        """The cached stem."""
        return SectionStore(self.root / "stems" / stem_key[:2] / stem_key, num_channels)

    def claim(self, track: str) -> Location:
        """A note that a result of this name is ours, made before it is written for the first
        time: a run may be killed between the result and its row."""
        return self.root / "claims" / f"{digest(track)[:32]}.json"

    def tries(self, track: str) -> Location:
        """The folder of notes on what is being tried with a track (see `morphsep.attempts`)."""
        return self.root / "tries" / digest(track)[:32]

    def ended(self, track: str) -> Location:
        """A note of the run that has committed a track's row: nothing more is done for it."""
        return self.root / "ended" / f"{digest(track)[:32]}.json"

    def change(self, track: str, key: str, section: int, num_channels: int) -> SectionStore:
        """What morphing adds to the mix, section by section; gone when the track is done."""
        name = digest(track, key, section, SCHEMA_VERSION)
        return SectionStore(self.root / "changes" / name, num_channels)

    @property
    def progress(self) -> Location:
        """What the run at work says of itself, for ``morphsep status``."""
        return self.root / "run.json"

    def forget_tries(self) -> None:
        """Has all counting of tries begin anew."""
        (self.root / "tries").remove_tree()

    def tidy(self) -> None:
        """Removes what only unfinished tracks need, and what killed workers left half written:
        when a run has come to its end."""
        for name in ("changes", "tries", "ended", "scratch"):
            (self.root / name).remove_tree()
        self._sweep()

    @contextlib.contextmanager
    def locked(self) -> Iterator[Held]:
        """Keeps a second run out while this one writes to the same folder. What it yields is to be
        asked now and then whether that still holds.

        Raises:
            SettingError: another run is at work here, or nothing can be written.
        """
        with lock(self.out) as held:
            self._sweep()
            yield held

    def _sweep(self) -> None:
        """Removes what a killed run left half written; nobody else is writing (see `locked`)."""
        if self.out.is_local:
            for part in self.out.path.rglob(TEMPORARY):
                part.unlink(missing_ok=True)
