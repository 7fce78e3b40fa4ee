"""Repairs of old recordings, and what may not change by them. Sound in, sound out: no files.

Declick, Dehum, Dehiss, Speed   the steps, in the order in which they are done
repaired                        a recording after a step, read like the recording
findings_from_json              what a step's look has found, kept and taken up again
"""

from morphsep.restoration.declick import Declick, DeclickFindings, Repair
from morphsep.restoration.dehiss import Dehiss, DehissFindings
from morphsep.restoration.dehum import Dehum, DehumFindings
from morphsep.restoration.hum import Line
from morphsep.restoration.speed import Speed, SpeedFindings
from morphsep.restoration.step import Findings, Resizing, Step, repaired
from morphsep.restoration.stored import findings_from_json

__all__ = [
    "Declick",
    "DeclickFindings",
    "Dehiss",
    "DehissFindings",
    "Dehum",
    "DehumFindings",
    "Findings",
    "Line",
    "Repair",
    "Resizing",
    "Speed",
    "SpeedFindings",
    "Step",
    "findings_from_json",
    "repaired",
]
