"""Recordings as tones: their sound, the same take, or another instrument."""

from morphsep.tones.recordings.correlation import correlation as whitened_correlation
from morphsep.tones.recordings.recording import Recording

__all__ = ["Recording", "whitened_correlation"]
