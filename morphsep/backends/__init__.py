"""Backends: they morph a chunk from one tone to another.

Found by entry point ``morphsep.backends``, ours like anybody's.
"""

from morphsep.backends.backend import Backend, Fetching, Measuring, Passage
from morphsep.backends.traits import BackendTraits

__all__ = ["Backend", "BackendTraits", "Fetching", "Measuring", "Passage"]
