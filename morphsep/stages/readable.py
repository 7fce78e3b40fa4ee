"""Inputs on this machine: the file itself, or a copy of what is elsewhere or cannot be seeked."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from morphsep import audio, storage
from morphsep.errors import TrackError
from morphsep.storage import Location, location


def changed(what: str = "the file") -> TrackError:
    """What to raise for an input, or its stem, that is not what it was when the track was begun."""
    why = f"{what} changed while it was worked on; run again when it is at rest"
    return TrackError("changed_while_read", why)


class Readable:
    """Where an input's samples can be read exactly: the file itself, or, if it lies elsewhere or
    is lossy, a copy in the track's scratch folder, made by whoever needs it first."""

    def __init__(
        self, path: str, scratch: Path, channels: tuple[int, int] | None, known: str = ""
    ) -> None:
        """
        Args:
            known: the stamp that the input had before; a copy of that state serves.
        """
        self.local, self.full_stamp = local_copy(path, scratch, known)
        self.info = audio.probe(self.local)
        self.channels = channels
        self.stamp = _stamp(path, self.full_stamp)
        """Changes whenever the input changes, and is the same on every machine."""
        self.given = path
        """Where the user has it."""
        self._scratch = scratch

    @property
    def has_changed(self) -> bool:
        """Whether the input is not what it was when this was made."""
        place = location(self.given)
        return (place.stamp() if place.is_local else place.full_stamp()) != self.stamp

    @property
    def path(self) -> str:
        """The file to read.

        Raises:
            TrackError: the input does not decode, or the disk is full.
        """
        if self.info.is_seekable:
            return self.info.path
        # named by the input's state: a copy of what it was before is never read again
        copy = self._scratch / f"decoded-{storage.digest(self.stamp, self.channels)[:16]}.wav"
        with storage.only_one(copy):
            if not copy.exists():
                audio.decode_to(self.info.path, str(copy), self.channels)
        return str(copy)

    def open(self) -> audio.AudioReader:
        """A reader of `path`."""
        # a decoded copy holds the channels that were picked, in their order
        return audio.AudioReader(self.path, self.channels if self.info.is_seekable else None)


@dataclass(frozen=True, slots=True)
class StemFile:
    """The user's own stem of an input, on this machine."""

    given: str
    """Where the user has it."""
    path: str
    full_stamp: str
    """See `morphsep.storage.full_stamps`."""
    stamp: str
    """As `Readable.stamp`."""

    def check(self) -> None:
        """To be called when it has been read.

        Raises:
            TrackError: it is no longer what it was when this was made.
        """
        place = location(self.given)  # a copy stays what it is
        if place.is_local and place.stamp() != self.stamp:
            raise changed("the stem")


def stem_file(path: str, scratch: Path) -> StemFile:
    """The stem at `path`, or a copy of it.

    Raises:
        TrackError: there is none.
    """
    with suppress(TrackError, FileNotFoundError):
        local, full_stamp = local_copy(path, scratch)
        if full_stamp is not None:
            return StemFile(path, local, full_stamp, _stamp(path, full_stamp))
    raise TrackError("stem_not_found", f"there is no stem at {path}; see --stem")


def _stamp(path: str, full_stamp: str | None) -> str:
    """The same on every machine: file systems note each for itself what else is in a full stamp."""
    return storage.stamp(path) if location(path).is_local else str(full_stamp)


def local_copy(path: str, scratch: Path, known: str = "") -> tuple[str, str | None]:
    """A path on this machine with the content of `path`, which may be a URI, and the
    `morphsep.storage.full_stamps` of `path` before that is read; None if it is not there.

    Raises:
        TrackError: there is no such object.
    """
    place = location(path)
    if known and not place.is_local and _copy_of(place, known, scratch).exists():
        return str(_copy_of(place, known, scratch)), known
    stamp = place.full_stamp()
    if place.is_local:
        return path, stamp
    if stamp is None:
        raise TrackError("not_found", f"there is no object {path}; check its name")
    copy = _copy_of(place, stamp, scratch)
    with storage.only_one(copy):
        if not copy.exists():
            # whoever finishes a track clears up on its own machine only
            storage.make_room(scratch.parent)
            place.fetch(copy)
    return str(copy), stamp


def _copy_of(place: Location, stamp: str, scratch: Path) -> Path:
    """Where the copy of a state of a file lies: under its own name, which messages and formats
    refer to."""
    return scratch / storage.digest(place.text, stamp)[:16] / place.name
