"""Tones: what a guitar can be morphed from or towards.

A tone renders the stem as it would sound through it. ``get_tone`` finds one by name
(``morphsep tones`` lists them), or builds one from a file.
"""

from morphsep.tones.catalogue import (
    BUILTIN,
    check_recording,
    get_tone,
    is_definition,
    is_recording,
    list_tones,
    named_tones,
)
from morphsep.tones.chain.captured import knobs_of_capture, split_knob
from morphsep.tones.tone import Fitting, Stem, Tone
from morphsep.tones.traits import ToneTraits
from morphsep.tones.transitions import TRANSITIONS, get_transition
from morphsep.tones.trim import measure_trim, trimmed

__all__ = [
    "BUILTIN",
    "TRANSITIONS",
    "Fitting",
    "Stem",
    "Tone",
    "ToneTraits",
    "check_recording",
    "get_tone",
    "get_transition",
    "is_definition",
    "is_recording",
    "knobs_of_capture",
    "list_tones",
    "measure_trim",
    "named_tones",
    "split_knob",
    "trimmed",
]
