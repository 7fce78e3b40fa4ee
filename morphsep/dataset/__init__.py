"""Data sets of guitar tones: clips of recordings, each dry and changed, with all that was done."""

from morphsep.dataset.generating import Generated, generate
from morphsep.dataset.wanted import Running, Wanted

__all__ = ["Generated", "Running", "Wanted", "generate"]
