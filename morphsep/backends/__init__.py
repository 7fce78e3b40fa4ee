"""Backends: they morph a chunk from one tone to another.

Found by entry point ``morphsep.backends``, ours like anybody's.
"""

from morphsep.backends.backend import Backend, Measuring, Passage

__all__ = ["Backend", "Measuring", "Passage"]
