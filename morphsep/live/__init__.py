"""The morph while it is played: block by block, on one core, with the sound of `morphsep morph`."""

from morphsep.live.block_morph import LEVEL, SHORTEST, BlockMorph
from morphsep.live.certificate import NULL_DB, Certificate, check
from morphsep.live.knob import knob_at, parse_knob
from morphsep.live.real_time import Meter, Played, RealTime, undisturbed, warm_up
from morphsep.live.recording import read_recording

__all__ = [
    "LEVEL",
    "NULL_DB",
    "SHORTEST",
    "BlockMorph",
    "Certificate",
    "Meter",
    "Played",
    "RealTime",
    "check",
    "knob_at",
    "parse_knob",
    "read_recording",
    "undisturbed",
    "warm_up",
]
