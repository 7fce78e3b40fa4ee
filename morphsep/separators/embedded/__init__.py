"""The small separator whose weights ship with the package."""

from morphsep.separators.embedded.embedded import Embedded

__all__ = ["Embedded"]
