"""The stem of a track: separated section by section, measured, and kept for the next amount."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from morphsep.dsp import Seconds, Span, sections
from morphsep.morphing import Recipe, StemFacts
from morphsep.stages.cached import exactly, keep, recall
from morphsep.stages.cpu import kind_of_cpu
from morphsep.stages.readable import Readable, StemFile
from morphsep.stages.scanning import Scan, open_mix
from morphsep.stages.section_store import SectionStore
from morphsep.storage import Location

VERSION = 1
"""Of the notes that are kept."""
FACTS_VERSION = 2
"""Of the facts that are kept."""
FACTS = "facts.json"


def missing_sections(stem: SectionStore, scan: Scan, recipe: Recipe) -> list[Span]:
    """What has to be separated yet. Sections of another cut are removed, unless they are all
    there."""
    if stem.covers(scan.model_length):
        return []
    cut = sections(scan.model_length, recipe.section)
    return stem.keep_only(cut)


def separate_section(
    section: Span,
    scan: Scan,
    readable: Readable,
    recipe: Recipe,
    stem: SectionStore,
    own_stem: StemFile | None,
    on_reached: Callable[[int], None],
) -> None:
    """Writes one section of the stem, unless it is there already.

    Args:
        own_stem: the user's, if there is one.
        on_reached: told up to which sample of the track the separation has come.

    Raises:
        TrackError: the track cannot be separated, or `own_stem` changed meanwhile.
    """
    if not stem.has(section):
        began = time.perf_counter()
        stem_path = own_stem.path if own_stem else None
        with open_mix(scan, readable, stem_path, on_reached) as mix, stem.writer(section) as file:
            file.write(recipe.separator.separate(mix, section.start, section.stop))
            if own_stem:
                own_stem.check()  # before there is any audio: without a note it counts, too
        note = {"seconds": time.perf_counter() - began, "cpu": kind_of_cpu()}
        keep(stem.note_of(section), VERSION, note)
    on_reached(section.stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class Separated:
    """How a stem was made."""

    seconds: Seconds = 0.0
    """What separating took, all sections together."""
    cpus: Sequence[str] = ()
    """Kinds of CPU that did it."""


def how_separated(stem: SectionStore) -> Separated:
    """What the notes of a stem's sections say; one that cannot be read says nothing."""

    def parse(values: dict[str, Any]) -> tuple[Seconds, str]:
        return float(values["seconds"]), str(values.get("cpu", ""))

    places = (stem.note_of(section) for section in sorted(stem.finished(), key=lambda s: s.start))
    notes = [note for place in places if (note := recall(place, VERSION, parse)) is not None]
    return Separated(
        seconds=sum(seconds for seconds, _ in notes),
        cpus=list(dict.fromkeys(cpu for _, cpu in notes if cpu)),
    )


def stem_facts(stem: SectionStore, num_samples: int) -> StemFacts | None:
    """What was measured of a stem, if all of it is there."""
    if not (stem.has_file(FACTS) and stem.covers(num_samples)):
        return None
    return recall(_file(stem), FACTS_VERSION, lambda values: exactly(StemFacts, values))


def measure_stem(stem: SectionStore, num_samples: int) -> StemFacts:
    """The `stem_facts` of a whole stem, measured now and kept."""
    facts = StemFacts.of(stem.read, num_samples, stem.num_channels)
    keep(_file(stem), FACTS_VERSION, asdict(facts))
    return facts


def _file(stem: SectionStore) -> Location:
    return stem.folder / FACTS
