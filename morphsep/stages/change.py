"""What is added to a track's mix in the end."""

from __future__ import annotations

from typing import Any

from morphsep import morphing
from morphsep.morphing import EstimateFacts, Read, Recipe
from morphsep.stages.clip import Clip
from morphsep.stages.readable import Readable
from morphsep.stages.scanning import open_mix
from morphsep.stages.section_store import SectionStore


def change_of(
    clip: Clip,
    readable: Readable,
    recipe: Recipe,
    stem: SectionStore,
    delta: SectionStore,
    estimate: EstimateFacts | None,
) -> tuple[Read, dict[str, Any]]:
    """The change, and the columns about it: the delta of the user's own stem as it is; that of an
    estimated one held back where there is no guitar, and so that the song stays as loud as it was.
    """
    if estimate is None:
        return delta.read, {}
    with open_mix(clip.source, readable) as mix:
        change, trim = morphing.change_of(mix, recipe, estimate, stem.read, delta.read)
    said = "; ".join(filter(None, (estimate.warning, trim.warning)))
    return change.read, {"song_trim_db": trim.gain_db, "stem_warning": said or None}
