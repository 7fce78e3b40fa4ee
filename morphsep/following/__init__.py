"""An amount that follows the playing: features of a stem, measured once for a whole track, made
into a curve. Sound in, a curve out; no files.

Adaptive effects as V. Verfaille, U. Zölzer and D. Arfib describe them, "Adaptive Digital Audio
Effects (A-DAFx): a new class of sound transformations", IEEE Trans. Audio, Speech and Language
Processing 14(5), 2006: features are taken from the sound, combined, conditioned, and drive a
parameter.
"""

from morphsep.following.curve import follow
from morphsep.following.frames import HOP
from morphsep.following.picture import picture

__all__ = ["HOP", "follow", "picture"]
