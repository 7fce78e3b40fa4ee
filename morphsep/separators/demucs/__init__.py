"""Demucs, hosted by ourselves: checkpoints read without running pickles, segments in parallel."""

from morphsep.separators.demucs.demucs import DEFAULT_MODEL, Demucs

__all__ = ["DEFAULT_MODEL", "Demucs"]
