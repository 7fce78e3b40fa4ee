"""Sounds as the published metrics expect them: mono, at a rate of their own."""

from __future__ import annotations

import numpy as np

from morphsep.dsp import Signal


def mono_at(sound: Signal, sample_rate: int, wanted: int) -> Signal:
    """``[C, T]`` at ``sample_rate`` Hz as ``[T']`` at ``wanted`` Hz, the mean of the channels."""
    mono: Signal = sound.mean(axis=0, dtype=np.float64).astype(np.float32)
    if sample_rate == wanted:
        return mono
    import soxr

    resampled: Signal = soxr.resample(mono, sample_rate, wanted, quality="HQ")
    return resampled
