"""Tones: what a guitar can be morphed from or towards.

A tone renders the stem as it would sound through it. ``get_tone`` finds one by name
(``morphsep tones`` lists them), or builds one from a file.
"""

from morphsep.tones.catalogue import (
    BUILTIN,
    DEFINITIONS,
    check_recording,
    get_tone,
    is_recording,
    list_tones,
    named_tones,
)
from morphsep.tones.tone import Fitting, Stem, Tone
from morphsep.tones.traits import ToneTraits
from morphsep.tones.transitions import TRANSITIONS, get_transition
from morphsep.tones.trim import measure_trim, trimmed

__all__ = [
    "BUILTIN",
    "DEFINITIONS",
    "TRANSITIONS",
    "Fitting",
    "Stem",
    "Tone",
    "ToneTraits",
    "check_recording",
    "get_tone",
    "get_transition",
    "is_recording",
    "list_tones",
    "measure_trim",
    "named_tones",
    "trimmed",
]
