"""Mono tracks in models that want two channels."""

from __future__ import annotations

import numpy as np

from morphsep.dsp import Signal


def to_stereo(signal: Signal) -> Signal:
    """``[2, T]`` of ``[C, T]``; a single channel twice."""
    return np.repeat(signal, 2, axis=0) if len(signal) == 1 else signal


def from_stereo(estimate: Signal, num_channels: int) -> Signal:
    """``[C, T]`` of ``[2, T]``; for mono the mean of both."""
    if num_channels == len(estimate):
        return estimate
    mono: Signal = estimate.mean(axis=0, keepdims=True)
    return mono
