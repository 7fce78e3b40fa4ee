"""Reprocess: the guitar of a finished recording changes its tone, all else stays as it is."""

from __future__ import annotations

from morphsep.run import Pipeline
from morphsep.stages import assemble, measure, morph, prepare, separate

REPROCESS = Pipeline(
    "morph",
    prepare,  # input -> checked, measured, cut into sections
    separate,  # section of the mix -> stem
    measure,  # whole stem -> what all of its chunks must share
    morph,  # stem -> chunks of 5-10 s -> backend -> crossfades -> delta
    assemble,  # mix + delta -> finished song; rows -> manifest
)
"""The stages of ``morphsep morph``."""
