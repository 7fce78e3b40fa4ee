"""Phaser: six all-pass stages that an LFO moves, mixed with the dry signal."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from morphsep.signal import MODEL_RATE, Signal
from morphsep.tones.effects import Parameter, Setting, Value, number
from morphsep.tones.effects.frames import overlap_add

HOP = 512
SIZE = 2048
LOWEST, HIGHEST = 200.0, 16_000.0
DECADES = 3.0
"""pedalboard sweeps on a logarithmic scale from 20 Hz to 20 kHz; so do we."""


class Phaser:
    """pedalboard's phaser, parameter by parameter, with its LFO locked to song time.

    The all-pass chain is frozen for frames of 1024 samples and crossfaded from one to the next: at
    8 Hz, the fastest rate, a turn still has 11 frames.
    """

    parameters: Mapping[str, Parameter] = MappingProxyType(
        {
            "rate_hz": Parameter(default=1.0, low=0.01, high=8),
            "depth": Parameter(default=0.5, low=0, high=1),
            "centre_frequency_hz": Parameter(default=1300.0, low=LOWEST, high=10_000),
            "feedback": Parameter(default=0.0, low=0, high=0.7),
            "mix": Parameter(default=0.5, low=0, high=1, scale="linear", neutral=0.0),
        }
    )
    rank = 5
    exact_when_neutral = False

    def context(self, settings: Mapping[str, Setting]) -> tuple[int, int]:
        return SIZE, 2 * HOP

    def process(self, signal: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        rate, depth, centre, feedback = (
            number(settings[k]) for k in ("rate_hz", "depth", "centre_frequency_hz", "feedback")
        )

        def response(centres: npt.NDArray[np.int64]) -> npt.NDArray[np.complex64]:
            swing = np.sin(2 * np.pi * (centres / MODEL_RATE * rate % 1.0))
            hz = centre * 10 ** (DECADES * 0.5 * depth * swing)
            return allpass(np.clip(hz, LOWEST, HIGHEST), feedback)

        return overlap_add(signal, start, hop=HOP, size=SIZE, response=response)


def allpass(hz: npt.NDArray[np.float64], feedback: float) -> npt.NDArray[np.complex64]:
    """``[F]`` turnover frequencies -> responses ``[F, SIZE // 2 + 1]`` of the chain with feedback.

    A first-order all-pass is ``(1 - j t) / (1 + j t)`` with ``t = tan(w / 2) / tan(w_c / 2)``
    (bilinear transform).
    """
    turn = np.tan(np.pi * hz / MODEL_RATE).astype(np.float32)[:, None]
    t = _warped() / turn
    square = t * t
    scale = 1 / (1 + square)
    stage = np.empty(t.shape, np.complex64)
    stage.real = (1 - square) * scale
    stage.imag = t * (-2 * scale)
    chain = stage * stage
    chain *= stage
    chain *= chain
    if feedback:
        # chain / (1 + feedback * chain), of which it is known that the chain's magnitude is 1
        whole = (1 + feedback**2) + np.float32(2 * feedback) * chain.real
        chain += np.float32(feedback)
        chain *= 1 / whole
    return chain


@cache
def _warped() -> Signal:
    """``tan(w / 2)`` of the bins, the last one short of infinity."""
    bins = np.arange(SIZE // 2 + 1)
    bins[-1] -= 1
    return np.asarray(np.tan(np.pi * bins / SIZE), np.float32)
