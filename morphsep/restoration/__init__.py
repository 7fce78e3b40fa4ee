"""Repairs of old recordings, and what may not change by them. Sound in, sound out: no files.

Declick, Dehum, Dehiss, Speed   the steps, in the order in which they are done
repaired                        a recording after a step, read like the recording
findings_from_json              what a step's look has found, kept and taken up again
"""

from morphsep.restoration.band_limit import within
from morphsep.restoration.declick import Declick, DeclickFindings, Repair
from morphsep.restoration.dehiss import Dehiss, DehissFindings
from morphsep.restoration.dehum import Dehum, DehumFindings
from morphsep.restoration.hum import Hum, Line, find_hum
from morphsep.restoration.identity import (
    Bounds,
    Identity,
    added_above,
    difference_outside,
    identity,
    level_change,
    pitch_deviation,
    rests_change,
    timing,
)
from morphsep.restoration.measurements import Band, loudness, noise_level, surviving_band
from morphsep.restoration.speed import Speed, SpeedFindings
from morphsep.restoration.step import Findings, Resizing, Step, repaired
from morphsep.restoration.stored import findings_from_json

__all__ = [
    "Band",
    "Bounds",
    "Declick",
    "DeclickFindings",
    "Dehiss",
    "DehissFindings",
    "Dehum",
    "DehumFindings",
    "Findings",
    "Hum",
    "Identity",
    "Line",
    "Repair",
    "Resizing",
    "Speed",
    "SpeedFindings",
    "Step",
    "added_above",
    "difference_outside",
    "find_hum",
    "findings_from_json",
    "identity",
    "level_change",
    "loudness",
    "noise_level",
    "pitch_deviation",
    "repaired",
    "rests_change",
    "surviving_band",
    "timing",
    "within",
]
