"""What an access copy costs besides its guitar's morph, as far as its master's header tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from morphsep.audio import AudioInfo
from morphsep.dsp import MODEL_RATE, Seconds
from morphsep.manifest import StepRow, TrackRow
from morphsep.morphing import Recipe
from morphsep.request import STEPS, TIMBRE
from morphsep.restoration import Speed

COPYING = "scan, check and report"
"""What is done besides repairing, separating and morphing."""
HEARD_AT_MODEL_RATE = "declick"
"""Its network hears every master at 44.1 kHz; the others take longer at higher rates."""
BYTES = {"declick": 4.0, "dehum": 0.6, "dehiss": 1.8, TIMBRE: 2.7}
"""Of a difference, a sample: FLAC of 24 bits, and of `declick` the floats that one click needs that
is turned over at full scale (docs/reference/repairs.md)."""
FINE_BYTES = 8
"""The same where differences are doubles."""
PAGE_BYTES = 6_000_000
"""Of the page about an access copy: it plays excerpts, however long that is."""


def like_songs(stage: str, duration: Seconds, num_channels: int, rate: int) -> Seconds:
    """How many seconds of stereo at 44.1 kHz cost a step of a restoration as much."""
    times = 1.0 if stage == HEARD_AT_MODEL_RATE else rate / MODEL_RATE
    return duration * 0.5 * num_channels * times


def heard(recipe: Recipe, info: AudioInfo) -> dict[str, Seconds]:
    """By repair, and `COPYING`: how much sound it goes through, see `like_songs`."""
    names = [*(repair.name for repair in recipe.repairs), COPYING]
    return {
        name: like_songs(name, info.duration, info.num_channels, info.sample_rate)
        for name in names
    }  # fmt: skip


def stretch(recipe: Recipe) -> Fraction:
    """How many times as long as its master an access copy is."""
    ratios = [1 / repair.fraction for repair in recipe.repairs if isinstance(repair, Speed)]
    return ratios[0] if ratios else Fraction(1)


def bytes_beside(recipe: Recipe, info: AudioInfo) -> int:
    """Of the differences, each once in the output folder; of repairs, which the next amount needs,
    once more in the work directory; and of the page."""
    fine = info.subtype not in ("PCM_S8", "PCM_U8", "PCM_16", "PCM_24") and not info.is_lossy
    names = [repair.name for repair in recipe.repairs if not isinstance(repair, Speed)]
    each = [2 * (FINE_BYTES if fine else BYTES[name]) for name in names]
    if recipe.morphs:
        each.append(float(stretch(recipe)) * (FINE_BYTES if fine else BYTES[TIMBRE]))
    return round(sum(each) * info.num_samples * info.num_channels) + PAGE_BYTES


def spent(row: TrackRow, steps: Iterable[StepRow]) -> Iterator[tuple[str, Seconds, Seconds]]:
    """(step, seconds of work, `like_songs`) of an access copy that was made before."""
    taken = {step.step: step.seconds for step in steps if step.step in STEPS}
    taken[COPYING] = (row.seconds_scan or 0.0) + (row.seconds_assemble or 0.0)
    for name, seconds in taken.items():
        music = like_songs(
            name, row.duration or 0.0, row.num_channels or 0, row.sample_rate or MODEL_RATE
        )
        yield name, seconds, music
