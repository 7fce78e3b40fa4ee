"""What a pair of tones needs to know of a track's stem before any of it is morphed: measured once
for the whole track, so that no section and no chunk can differ from its neighbour."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from morphsep.excerpts import excerpts
from morphsep.files import digest
from morphsep.section_store import SectionStore
from morphsep.settings import Recipe
from morphsep.signal import Seconds
from morphsep.storage import Location
from morphsep.tones.matching import measure_trim, trimmed
from morphsep.uniform import Warp, measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Both tones of a recipe, matched to one stem."""

    from_trim_db: float
    to_trim_db: float
    """Gains behind the tones that keep the stem's loudness, dB."""
    warp: Warp | None
    """The perceptual map of amounts; None if it is not used."""
    seconds: Seconds
    """What measuring took."""

    def matched(self, recipe: Recipe) -> Recipe:
        """The recipe with its tones trimmed."""
        return replace(
            recipe,
            source=trimmed(recipe.source, self.from_trim_db),
            target=trimmed(recipe.target, self.to_trim_db),
        )


def known_pair(recipe: Recipe, stem: SectionStore) -> Pair | None:
    """The pair as an earlier `measure_pair` has left it."""
    values = _file(recipe, stem).read_json()
    if values is None:
        return None
    warp = values.pop("warp")
    return Pair(**values, warp=None if warp is None else Warp.from_json(warp))


def measure_pair(
    recipe: Recipe, stem: SectionStore, num_samples: int, facts: dict[str, Any]
) -> Pair:
    """Measures both tones on a whole stem, and keeps what was found beside it.

    Args:
        facts: `morphsep.stems.stem_facts`.
    """
    began = time.perf_counter()
    trims = [
        measure_trim(tone, stem.read, num_samples, facts["rms_per_second"], facts["lufs"])
        for tone in (recipe.source, recipe.target)
    ]
    pair = Pair(from_trim_db=trims[0], to_trim_db=trims[1], warp=None, seconds=0.0)
    if _is_warped(recipe) and facts["peak"] > 0:
        both = pair.matched(recipe)
        context = recipe.backend.context(both.source, both.target)
        found = excerpts(stem.read, num_samples, facts["rms_per_second"], context)
        warp = measure(
            recipe.backend, both.source, both.target, found, facts["lufs"], with_context=True
        )
        pair = replace(pair, warp=warp)
    pair = replace(pair, seconds=time.perf_counter() - began)
    values = asdict(pair) | {"warp": pair.warp.to_json() if pair.warp else None}
    _file(recipe, stem).write_json(values)
    return pair


def _is_warped(recipe: Recipe) -> bool:
    return recipe.settings.uniform and not recipe.curve.is_trivial


def _file(recipe: Recipe, stem: SectionStore) -> Location:
    name = digest(recipe.warp_key(), _is_warped(recipe))
    return stem.folder / "pairs" / f"{name[:32]}.json"
