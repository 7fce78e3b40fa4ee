"""One track's audio at 44.1 kHz, written section by section by whoever made them."""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence

import numpy as np

from morphsep import audio
from morphsep.dsp import MODEL_RATE, Signal, Span
from morphsep.storage import Location

STORED = audio.OutputFormat(format="WAV", subtype="FLOAT", extension=".wav")


class SectionStore:
    """A folder of sections; what is not there is silence.

    A section is its audio (none, if it is silent throughout) and a note, written last: the note
    says that the section is finished. Sections of one store never overlap: `keep_only` removes
    those of an earlier cut. What others write is seen by `look` alone.
    """

    def __init__(self, folder: Location, num_channels: int) -> None:
        self.folder = folder
        self.num_channels = num_channels
        self._files: list[Location] | None = None
        """What was there when it was looked at last."""

    def has(self, section: Span) -> bool:
        """Whether this very section is finished and has audio."""
        # the note is written last, but may have been left by a section that was silent
        return self.note_of(section).exists() and self._audio(section).exists()

    def note_of(self, section: Span) -> Location:
        """Where the note of a section lies; once it is there, the section is finished."""
        return self.folder / f"{section.start:012d}-{section.stop:012d}.json"

    def finished(self) -> set[Span]:
        """All sections that are finished."""
        return {_span_of(place) for place in self._listed(".json")}

    @contextlib.contextmanager
    def writer(self, section: Span) -> Iterator[audio.AudioWriter]:
        """Writes a section's audio from its first sample to its last; whole or not at all.

        Raises:
            TrackError: the disk is full.
        """
        with (
            self._audio(section).writing() as path,
            audio.AudioWriter(
                str(path),
                MODEL_RATE,
                self.num_channels,
                STORED,
                in_place=True,
                name="a section in the work directory",
            ) as writer,
        ):
            yield writer
            assert writer.num_samples == section.num_samples
        self._files = None

    def read(self, start: int, num_samples: int) -> Signal:
        """``[C, num_samples]`` from the song's sample `start`; zeros where nothing was written."""
        import soundfile

        out = np.zeros((self.num_channels, num_samples), np.float32)
        spans = self._index()
        first = max(bisect_right(spans, start, key=lambda span: span[0]) - 1, 0)
        for a, b, place in spans[first:]:
            if a >= start + num_samples:
                break
            lo, hi = max(a, start), min(b, start + num_samples)
            if lo < hi:
                with place.open() as file:
                    part, _ = soundfile.read(file, hi - lo, lo - a, dtype="float32", always_2d=True)
                out[:, lo - start : hi - start] = part.T
        return out

    def covers(self, num_samples: int) -> bool:
        """Whether there is audio for every sample of a track, without a gap."""
        reached = 0
        for start, stop, _ in self._index():
            if start != reached:
                return False
            reached = stop
        return reached == num_samples

    def keep_only(self, sections: Sequence[Span]) -> list[Span]:
        """Removes whatever is not of one of these sections (left by a run with another cut).

        Returns:
            Those of them that are not finished, or have no audio.
        """
        places = {s: (self._audio(s).name, self.note_of(s).name) for s in sections}
        wanted = {name for names in places.values() for name in names}
        there = {place.name: place for place in self._listed("")}
        for name in there.keys() - wanted:
            there.pop(name).remove()
        self._files = None
        return [section for section in sections if not there.keys() >= {*places[section]}]

    def discard(self) -> None:
        """Removes everything; the notes first, so that nothing half removed passes for whole."""
        for place in self._listed(".json"):
            place.remove()
        self.folder.remove_tree()
        self._files = None

    def look(self) -> None:
        """Lists the sections now, not where they were listed first."""
        self._files = self.folder.children()

    def _audio(self, section: Span) -> Location:
        return self.folder / f"{section.start:012d}-{section.stop:012d}.wav"

    def has_file(self, name: str) -> bool:
        """Whether another file of this name lies beside the sections."""
        return any(place.name == name for place in self._there())

    def _listed(self, suffix: str) -> list[Location]:
        found = self._there()
        return [p for p in found if p.name[0].isdigit() and p.name.endswith(suffix)]

    def _there(self) -> list[Location]:
        if self._files is None:
            self.look()
        return self._files or []

    def _index(self) -> list[tuple[int, int, Location]]:
        spans = ((_span_of(place), place) for place in self._listed(".wav"))
        found = [(span.start, span.stop, place) for span, place in spans]
        return sorted(found, key=lambda one: one[0])


def _span_of(place: Location) -> Span:
    start, stop = place.name.partition(".")[0].split("-")
    return Span(int(start), int(stop))
