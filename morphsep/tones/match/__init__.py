"""Imitating a recording: the search for an effect chain that sounds like it."""

from morphsep.tones.match.candidate import OnProgress
from morphsep.tones.match.chain_yaml import write_chain
from morphsep.tones.match.match import BUDGET, Match

__all__ = ["BUDGET", "Match", "OnProgress", "write_chain"]
