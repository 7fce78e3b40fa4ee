"""What a finished section of a delta says of itself: its chunks' rows, its time, its warnings."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from morphsep.dsp import Seconds, Span
from morphsep.manifest import SCHEMA_VERSION, ChunkRow
from morphsep.stages.cached import exactly, keep, recall
from morphsep.stages.section_store import SectionStore

VERSION = 1
"""Of the notes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionNote:
    """What morphing a section came to; for all sections of a track, put together."""

    seconds: Seconds
    """What morphing took."""
    warnings: list[str]
    """Of the backend, each once, in order."""
    chunks: list[ChunkRow]
    """The chunks that begin in the section."""
    cpus: list[str]
    """Kinds of CPU that did it."""


def finish_section(delta: SectionStore, section: Span, note: SectionNote) -> None:
    """Declares a section finished."""
    keep(delta.note_of(section), VERSION, asdict(note))


def section_note(delta: SectionStore, section: Span) -> SectionNote | None:
    """The note of a finished section; None if it is not finished, or has to be morphed again
    because the note is not of this code."""
    return recall(delta.note_of(section), VERSION, _parse)


def _parse(values: dict[str, Any]) -> SectionNote:
    # of what version a row is, is settled where it is written to the manifest
    rows = [exactly(ChunkRow, row | {"schema_version": SCHEMA_VERSION}) for row in values["chunks"]]
    # earlier notes do not say on what they were made
    return exactly(SectionNote, {"cpus": []} | values | {"chunks": rows})


def finished_sections(delta: SectionStore) -> dict[Span, SectionNote]:
    """The finished sections of a delta, in order, with their notes."""
    return {span: note for span, note in _notes(delta).items() if note is not None}


def _notes(delta: SectionStore) -> dict[Span, SectionNote | None]:
    """Those of all finished sections, in order; None for one that is not of this code."""
    spans = sorted(delta.finished(), key=lambda section: section.start)
    return {span: section_note(delta, span) for span in spans}


def forget_others(delta: SectionStore) -> dict[Span, SectionNote]:
    """`finished_sections`; notes that are not of this code are removed, so that nobody takes their
    sections for finished."""
    notes = _notes(delta)
    for span in [span for span, note in notes.items() if note is None]:
        delta.note_of(span).remove()
    return {span: note for span, note in notes.items() if note is not None}


def whole_track(delta: SectionStore) -> SectionNote:
    """The notes of all finished sections as one."""
    notes = finished_sections(delta).values()
    return SectionNote(
        seconds=float(sum(note.seconds for note in notes)),
        warnings=list(dict.fromkeys(each for note in notes for each in note.warnings)),
        chunks=[row for note in notes for row in note.chunks],
        cpus=list(dict.fromkeys(cpu for note in notes for cpu in note.cpus)),
    )
