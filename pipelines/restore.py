"""Restore: an access copy of a master, repaired, with all that was added as files of their own."""

from __future__ import annotations

from morphsep.access import complete, examine, repair
from morphsep.run import Pipeline
from morphsep.stages import measure, morph, separate

RESTORE = Pipeline(
    "restore",
    examine,  # master -> checked, measured, hashed
    repair,  # declick, dehum, dehiss, speed -> differences; repaired sound -> sections
    separate,  # section of the repaired sound -> stem
    measure,  # whole stem -> what all of its chunks must share
    morph,  # stem -> chunks -> backend -> crossfades -> delta
    complete,  # master + differences -> access copy, checked; rows -> manifest
)
"""The stages of ``morphsep restore``."""
