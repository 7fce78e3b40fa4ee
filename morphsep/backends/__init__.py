"""Backends: what morphs a chunk from one tone to another.

Found by entry point ``morphsep.backends``, ours by the same door as anybody's.
"""

from morphsep.backends.backend import Backend, Measuring, Passage

__all__ = ["Backend", "Measuring", "Passage"]
