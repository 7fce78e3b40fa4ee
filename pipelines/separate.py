"""Separate: guitar and backing as files of their own, which add up to the mix."""

from __future__ import annotations

from morphsep.run import Pipeline
from morphsep.stages import assemble_parts, measure, prepare, separate

SEPARATE = Pipeline(
    "separate",
    prepare,  # input -> checked, measured, cut into sections
    separate,  # section of the mix -> stem
    measure,  # whole stem -> its level
    assemble_parts,  # stem, mix - stem -> two files; row -> manifest
)
"""The stages of ``morphsep separate``."""
