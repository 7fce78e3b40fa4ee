"""Where a run keeps what it needs between stages: ``OUT/.morphsep``, or ``WORK/.morphsep``.

Everything in it is named by a digest of what it depends on, is whole or not there, and can be
deleted at any time: it would only have to be made again. What concerns the results themselves
stays with them in ``OUT/.morphsep``, wherever the work is done: the lock, what the run says of
itself (and so where its work lies), and whose result is whose.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from morphsep.stages.section_store import SectionStore
from morphsep.storage import (
    TEMPORARY,
    Held,
    Location,
    digest,
    location,
    lock,
    mirrored,
    shared_folder,
    sweep_folders,
)

OWN = ".morphsep"
DELTA_VERSION = 2
"""Of what a delta's sections hold; raised whenever that changes its meaning."""
RUN = "run.json"


class Workspace:
    """The folders that a run writes to, and what lies where in them."""

    def __init__(self, out: str | Path | Location, work: str | Path | Location = "") -> None:
        self.out = location(out)
        self.work = location(work or out)
        """The folder around the work directory: the output folder, unless another was named."""
        self.home = self.out / OWN
        self.root = self.work / OWN

    @property
    def elsewhere(self) -> str:
        """`work` as a text, where it is not the output folder, which may be moved; else empty."""
        return "" if self.work == self.out else str(self.work)

    @classmethod
    def of_last_run(cls, out: str | Path | Location) -> Workspace:
        """The workspace of the last run in an output folder, for reading; the folder's own if the
        other one cannot be reached from here."""
        work = location(last_work(out) or out)
        return cls(out, work if not work.is_local or work.exists() else "")

    def scan_file(self, content_hash: str, channels: tuple[int, int] | None) -> Location:
        """What was measured of an input."""
        picked = "" if channels is None else f"-{channels[0]}-{channels[1]}"
        # the name is older than the version inside, which is the one that counts
        name = f"{content_hash}{picked}-v2.json"
        return self.root / "scans" / content_hash[:2] / name

    def scratch(self, run: str, track: str) -> Path:
        """A folder on this machine for copies of a track's input, fetched or decoded; whoever
        finishes the track removes it.

        Args:
            run: names the run, as no other; nobody can guess it.
        """
        top = self.root.path / "scratch" if self.work.is_local else shared_folder(run)
        return top / digest(track)[:32]

    @property
    def room_for_readers(self) -> Path | None:
        """Where those who only look make their own copies (`morphsep.storage.private_folder`):
        on the disk of the work, if they may write there; None: anywhere."""
        may = self.work.is_local and os.access(self.root.path, os.W_OK)
        return self.root.path / "readers" if may else None

    def stem(self, stem_key: str, num_channels: int, scratch: Path | None = None) -> SectionStore:
        """The cached stem.

        Args:
            scratch: takes copies of it, where the work is done in an object store: whatever is read
                of a stem is read many times, here and there. None: nothing is copied.
        """
        folder = self.root / "stems" / stem_key[:2] / stem_key
        return SectionStore(mirrored(folder, scratch / "stem") if scratch else folder, num_channels)

    def repair(self, key: str) -> Location:
        """The folder of what one repair did to one recording; named by all that it depends on."""
        return self.root / "repairs" / key[:2] / key

    def sound(self, track: str, key: str) -> Location:
        """The repaired sound of a track, while it is separated and morphed."""
        return self.root / "sounds" / f"{digest(track, key)[:32]}.wav"

    def claim(self, track: str) -> Location:
        """A note that a result of this name is ours. It is written before the result, because a
        run may be killed between the result and its row."""
        return self.home / "claims" / f"{digest(track)[:32]}.json"

    def attempt_notes(self, track: str) -> Location:
        """The folder of a track's attempt notes (see `morphsep.run.retries`)."""
        return self.root / "tries" / digest(track)[:32]

    def passed_on(self, track: str, stage: str) -> Location:
        """A note of the section that has passed a whole track on from a stage; removed together
        with the attempt notes."""
        return self.attempt_notes(track) / f"passed-on-{stage}"

    def turn(self, stem_key: str, start: int) -> Location:
        """Names the `morphsep.storage.turn` of workers that need the same section of a stem."""
        return self.root / "turns" / digest(stem_key, start)[:32]

    def ended(self, track: str) -> Location:
        """A note of the run that has committed a track's row; no worker does more for it."""
        return self.root / "ended" / f"{digest(track)[:32]}.json"

    def delta(
        self, track: str, key: str, section: int, num_channels: int, scratch: Path
    ) -> SectionStore:
        """What morphing adds to the mix, section by section; gone when the track is done.

        Args:
            scratch: as for a stem.
        """
        name = digest(track, key, section, DELTA_VERSION)
        return SectionStore(mirrored(self.root / "changes" / name, scratch / "delta"), num_channels)

    @property
    def files(self) -> Location:
        """Copies of the files that settings name, for workers that do not see the driver's."""
        return self.root / "files"

    @property
    def progress(self) -> Location:
        """What the run at work says of itself, for ``morphsep status``."""
        return self.home / RUN

    def forget_sound(self) -> None:
        """Removes stems and repairs from the output folder, for one that is handed on without
        sound; what lies in another work directory stays."""
        for name in ("stems", "repairs"):
            (self.home / name).remove_tree()

    def forget_attempts(self) -> None:
        """Starts counting attempts anew."""
        (self.root / "tries").remove_tree()

    def tidy(self) -> None:
        """Removes what only unfinished tracks need, and what killed workers left half written:
        when a run has come to its end."""
        for root in dict.fromkeys((self.root, self.home)):
            for name in ("changes", "sounds", "tries", "ended", "turns", "files", "scratch"):
                (root / name).remove_tree()
        self._sweep()

    @contextlib.contextmanager
    def locked(self) -> Iterator[Held]:
        """Keeps a second run out while this one writes to the same folders. Call `Held.check` of
        what it yields now and then: the lock can be lost.

        Raises:
            SettingError: another run is at work here, or nothing can be written.
        """
        with contextlib.ExitStack() as stack:
            folders = dict.fromkeys((self.out, self.work))
            held = Held(*(stack.enter_context(lock(folder)) for folder in folders))
            self._sweep()
            yield held

    def _sweep(self) -> None:
        """Removes what a killed run left half written; nobody else is writing (see `locked`)."""
        sweep_folders()
        if self.room_for_readers is not None:
            sweep_folders(self.room_for_readers)
        for place in (self.out, *([self.root] if self.elsewhere else [])):
            if place.is_local:
                for part in place.path.rglob(TEMPORARY):
                    part.unlink(missing_ok=True)


def last_work(out: str | Path | Location) -> str:
    """Where the last run in an output folder worked; empty if nothing is known of one.

    Raises:
        SettingError: the output folder cannot be read.
    """
    said = (location(out) / OWN / RUN).read_json() or {}
    return str(said.get("work", ""))
