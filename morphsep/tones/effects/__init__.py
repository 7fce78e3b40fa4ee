"""Effects: what the pedals of a chain are made of."""

from morphsep.tones.effects.cabinet import TAPS
from morphsep.tones.effects.effect import Effect, Parameter, Setting, Value, level
from morphsep.tones.effects.frames import framed
from morphsep.tones.effects.players import Player, player
from morphsep.tones.effects.registry import knobs

__all__ = [
    "TAPS",
    "Effect",
    "Parameter",
    "Player",
    "Setting",
    "Value",
    "framed",
    "knobs",
    "level",
    "player",
]
