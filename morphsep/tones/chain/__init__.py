"""Tones that are chains of effects, read from YAML."""

from morphsep.tones.chain.chain import FILE_SETTINGS, EffectChain
from morphsep.tones.chain.rack import NEPERS, Pedal, Step, blend, play, run, total_context
from morphsep.tones.reference_level import to_reference

__all__ = [
    "FILE_SETTINGS",
    "NEPERS",
    "EffectChain",
    "Pedal",
    "Step",
    "blend",
    "play",
    "run",
    "to_reference",
    "total_context",
]
