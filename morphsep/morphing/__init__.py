"""What is done to the sound of one recording: settings made into things, the stem measured, its
chunks morphed, the result put back. It knows no folder and no run: sound comes from whatever
can be read, and goes wherever it is wanted.

The stages do it with files, section by section; `morph_samples` with an array, at once.
"""

from morphsep.morphing.amounts import with_curve
from morphsep.morphing.blas import one_blas_thread
from morphsep.morphing.change import Change, Read
from morphsep.morphing.estimate import EstimateFacts
from morphsep.morphing.in_memory import (
    morph_samples,
    morph_samples_at,
    recipe_for_arrays,
    separate_samples,
)
from morphsep.morphing.mix import READ_BLOCK, MixView, ignore_reading, put_back
from morphsep.morphing.morpher import Morpher
from morphsep.morphing.plugins import members_of
from morphsep.morphing.recipe import Recipe, build
from morphsep.morphing.repairs import Repair, build_repairs
from morphsep.morphing.settling import forget, settle
from morphsep.morphing.song_trim import SongTrim, change_of, trimmed
from morphsep.morphing.stem_facts import StemFacts
from morphsep.morphing.tone_fit import ToneFit, is_warped, measure_fit

__all__ = [
    "READ_BLOCK",
    "Change",
    "EstimateFacts",
    "MixView",
    "Morpher",
    "Read",
    "Recipe",
    "Repair",
    "SongTrim",
    "StemFacts",
    "ToneFit",
    "build",
    "build_repairs",
    "change_of",
    "forget",
    "ignore_reading",
    "is_warped",
    "measure_fit",
    "members_of",
    "morph_samples",
    "morph_samples_at",
    "one_blas_thread",
    "put_back",
    "recipe_for_arrays",
    "separate_samples",
    "settle",
    "trimmed",
    "with_curve",
]
