"""What an estimated stem is worth, kept beside it."""

from __future__ import annotations

from dataclasses import asdict

from morphsep.morphing import EstimateFacts, Recipe
from morphsep.stages.cached import exactly, keep, recall
from morphsep.stages.clip import Clip
from morphsep.stages.readable import Readable
from morphsep.stages.scanning import open_mix
from morphsep.stages.section_store import SectionStore
from morphsep.storage import Location

VERSION = 1
"""Of the facts that are kept."""
FACTS = "estimate.json"


def estimate_facts(stem: SectionStore) -> EstimateFacts | None:
    """What was measured of a whole stem beside its mix, if it was."""
    if not stem.has_file(FACTS):
        return None
    return recall(_file(stem), VERSION, lambda values: exactly(EstimateFacts, values))


def measured_estimate(recipe: Recipe, stem: SectionStore) -> EstimateFacts | None:
    """What the stage `measure` has found of a stem; None if it is no estimate."""
    if not recipe.is_estimate:
        return None
    facts = estimate_facts(stem)
    assert facts is not None
    return facts


def measure_estimate(clip: Clip, readable: Readable, stem: SectionStore) -> EstimateFacts:
    """The `estimate_facts` of a whole stem, measured now and kept."""
    with open_mix(clip.source, readable) as mix:
        facts = EstimateFacts.of(mix.read, stem.read, clip.source.model_length)
    keep(_file(stem), VERSION, asdict(facts))
    return facts


def _file(stem: SectionStore) -> Location:
    return stem.folder / FACTS
