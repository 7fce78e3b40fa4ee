"""Separators: they take the guitar out of the mix.

Found by entry point ``morphsep.separators``, ours like anybody's.
"""

from morphsep.separators.auto import choose_separator
from morphsep.separators.separator import Mix, Separator

__all__ = ["Mix", "Separator", "choose_separator"]
