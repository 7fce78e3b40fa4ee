"""The perceptual map: amounts spaced by what is heard, whatever the backend."""

from morphsep.backends.perceptual.warp import Warp, measure

__all__ = ["Warp", "measure"]
