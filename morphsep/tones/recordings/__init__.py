"""Recordings as tones: their sound, the same take, or another instrument."""

from morphsep.tones.recordings.correlation import Correlator
from morphsep.tones.recordings.recording import Recording

__all__ = ["Correlator", "Recording"]
