"""The separator without weights: harmonic-percussive masks and the stereo panorama."""

from morphsep.separators.harmonic.harmonic import Harmonic

__all__ = ["Harmonic"]
