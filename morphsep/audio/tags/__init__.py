"""Tags and chunks, carried from an input to its result."""

from morphsep.audio.tags.copy import read_tags

__all__ = ["read_tags"]
