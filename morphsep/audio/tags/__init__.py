"""Tags and chunks, copied from an input to its result."""

from morphsep.audio.tags.copy import read_tags

__all__ = ["read_tags"]
