"""Tones that are chains of effects, read from YAML."""

from morphsep.tones.chain.chain import FILE_SETTINGS, EffectChain
from morphsep.tones.chain.rack import Pedal, Step, play, run, total_context

__all__ = ["FILE_SETTINGS", "EffectChain", "Pedal", "Step", "play", "run", "total_context"]
