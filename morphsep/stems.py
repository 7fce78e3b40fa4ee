"""The stem of a track: separated section by section, measured, and kept for the next amount."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from morphsep import files
from morphsep.grid import sections
from morphsep.metrics.loudness import LoudnessMeter, rms_per_second
from morphsep.scan import Readable, Scan, open_mix
from morphsep.settings import Recipe
from morphsep.signal import MODEL_RATE, Signal
from morphsep.workspace import SectionStore


def make_stem(
    source: Scan,
    readable: Readable,
    recipe: Recipe,
    stem: SectionStore,
    stem_path: str | None,
    advance: Callable[[int], None],
) -> dict[str, Any]:
    """Sees to it that the whole stem is in its store, and returns what was measured of it:
    ``lufs``, ``peak`` (linear) and ``rms_per_second`` (linear).

    Args:
        stem_path: the user's own stem, if there is one.
        advance: told how many samples further the separation has come.

    Raises:
        TrackError: the track cannot be separated.
    """
    reached = 0

    def reach(sample: int) -> None:
        nonlocal reached
        advance(max(sample - reached, 0))
        reached = max(sample, reached)

    facts = stem_facts(stem, source.model_length)
    if facts is None:
        cut = sections(source.model_length, recipe.section)
        stem.keep_only(cut)
        with open_mix(source, readable, stem_path, reach) as mix:
            for section in cut:
                if not stem.has(section):
                    with stem.writer(section) as file:
                        file.write(recipe.separator.separate(mix, section.start, section.stop))
                reach(section.stop)
        facts = _measure(stem, source.model_length)
    reach(source.model_length)
    return facts


def stem_facts(stem: SectionStore, num_samples: int) -> dict[str, Any] | None:
    """What was measured of a stem, if all of it is there."""
    facts: dict[str, Any] | None = files.read_json(stem.folder / "facts.json")
    return facts if facts is not None and stem.covers(num_samples) else None


def _measure(stem: SectionStore, num_samples: int) -> dict[str, Any]:
    loudness = LoudnessMeter(MODEL_RATE, stem.num_channels)

    def blocks() -> Iterator[Signal]:
        for section in sections(num_samples, 10 * MODEL_RATE):
            block = stem.read(section.start, section.num_samples)
            loudness.add(block)
            yield block

    rms = rms_per_second(blocks(), MODEL_RATE)
    facts = {"lufs": loudness.integrated(), "peak": loudness.peak, "rms_per_second": rms.tolist()}
    files.write_json(stem.folder / "facts.json", facts)
    return facts
