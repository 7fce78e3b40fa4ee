"""The perceptual map: amounts spaced as they sound, whatever the backend."""

from morphsep.backends.perceptual.warp import Warp, measure

__all__ = ["Warp", "measure"]
