"""Separators: they take the guitar out of the mix.

Found by entry point ``morphsep.separators``, ours like anybody's.
"""

from morphsep.separators.auto import choose_separator
from morphsep.separators.ensemble import Ensemble, Member, parse_members
from morphsep.separators.separator import Mix, Separator
from morphsep.separators.traits import SeparatorTraits

__all__ = [
    "Ensemble",
    "Member",
    "Mix",
    "Separator",
    "SeparatorTraits",
    "choose_separator",
    "parse_members",
]
