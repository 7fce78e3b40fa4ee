"""Chorus and flanger: a delay that an LFO moves, with feedback.

Written here because pedalboard's LFOs start at phase 0 at every reset: two passages of one song
would not agree where they overlap.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, Signal, compiled
from morphsep.tones.effects.effect import Parameter, Setting, Value, number
from morphsep.tones.effects.frames import knots

Times = npt.NDArray[np.float64]
STEP = 64
"""Samples between two computed values of a delay; in between it is interpolated linearly."""
MARGIN = 4
"""Samples behind the longest delay that are kept: what interpolation reaches, and rounding."""
LEAST_MS = 0.3
FORGOTTEN = 1e-5


class ModulatedDelay:
    """What chorus and flanger share; ``sweep`` gives the delay in ms for turns of the LFO."""

    rank = 5
    exact_when_neutral = False
    parameters: Mapping[str, Parameter]

    def sweep(self, turns: Times, settings: Mapping[str, Value]) -> Times:
        raise NotImplementedError

    def longest(self, settings: Mapping[str, Value]) -> float:
        """The longest delay in samples."""
        return float(self.sweep(np.linspace(0, 1, 101), settings).max()) * MODEL_RATE / 1000

    def context(self, settings: Mapping[str, Setting]) -> tuple[int, int]:
        passes = _passes(number(settings["feedback"]))
        return math.ceil(self.longest(settings) * (1 + passes)) + STEP, 0

    def process(self, signal: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        return self.delayed(signal, start, settings, None)

    def past(self, channels: int, settings: Mapping[str, Value]) -> Signal:
        """What is in the delay before anything has been played, ``[C, n]``."""
        return np.zeros((channels, math.ceil(self.longest(settings)) + MARGIN), np.float32)

    def delayed(
        self, signal: Signal, start: int, settings: Mapping[str, Value], past: Signal | None
    ) -> Signal:
        """The same as `process` with what is in the delay before (see `past`; None: nothing);
        it becomes what is in it at the signal's end."""
        feedback, rate = number(settings["feedback"]), number(settings["rate_hz"])
        pasts = [None] * len(signal) if past is None else past
        channels = []
        for channel, row in enumerate(signal):
            offset = number(settings["spread"]) * channel

            def delay(at: Times, offset: float = offset) -> Times:
                turns = at / MODEL_RATE * rate % 1.0 + offset
                return self.sweep(turns, settings) * (MODEL_RATE / 1000)

            channels.append(_comb(row, start, delay, feedback, pasts[channel]))
        return np.stack(channels)


class Chorus(ModulatedDelay):
    """pedalboard's chorus, parameter by parameter, with its LFO locked to song time; ``spread`` is
    the part of a turn by which the right channel's LFO is ahead."""

    parameters: Mapping[str, Parameter] = MappingProxyType(
        {
            "rate_hz": Parameter(default=1.0, low=0.01, high=20),
            "depth": Parameter(default=0.25, low=0, high=1),
            "centre_delay_ms": Parameter(default=7.0, low=1, high=100),
            "feedback": Parameter(default=0.0, low=0, high=0.9),
            "spread": Parameter(default=0.0, low=0, high=1),
            "mix": Parameter(default=0.5, low=0, high=1, scale="linear", neutral=0.0),
        }
    )

    def sweep(self, turns: Times, settings: Mapping[str, Value]) -> Times:
        swing = 10 * number(settings["depth"]) * np.sin(2 * np.pi * turns)
        return np.maximum(number(settings["centre_delay_ms"]) + swing, LEAST_MS)


class Flanger(ModulatedDelay):
    """A short delay swept between two ends by equal ratios, so that its notches move evenly."""

    parameters: Mapping[str, Parameter] = MappingProxyType(
        {
            "rate_hz": Parameter(default=0.25, low=0.01, high=20),
            "shortest_ms": Parameter(default=0.7, low=LEAST_MS, high=20),
            "longest_ms": Parameter(default=5.0, low=LEAST_MS, high=20),
            "feedback": Parameter(default=0.4, low=0, high=0.9),
            "spread": Parameter(default=0.0, low=0, high=1),
            "mix": Parameter(default=0.5, low=0, high=1, scale="linear", neutral=0.0),
        }
    )

    def sweep(self, turns: Times, settings: Mapping[str, Value]) -> Times:
        short, long = number(settings["shortest_ms"]), number(settings["longest_ms"])
        return short * (long / short) ** (0.5 + 0.5 * np.sin(2 * np.pi * turns))


def _passes(feedback: float) -> int:
    """Number of echoes until the next one is below ``FORGOTTEN``."""
    return math.ceil(math.log(FORGOTTEN) / math.log(feedback)) if feedback > 0 else 0


def _comb(
    row: Signal, start: int, delay: Callable[[Times], Times], feedback: float, past: Signal | None
) -> Signal:
    """``D v`` with ``v = x - feedback * D v``, D being the moving delay."""
    delays = delay((start + knots(start, row.size, STEP)).astype(np.float64))
    before = np.zeros(math.ceil(delays.max()) + 2, np.float32) if past is None else past
    fed = np.concatenate([before, np.zeros(row.size, np.float32)])
    out = np.empty(row.size, np.float32)
    _delayed(row, delays, start % STEP, np.float32(feedback), fed, out)
    if past is not None:
        past[:] = fed[row.size :]
    return out


@compiled
def _delayed(
    row: Signal, delays: Times, offset: int, feedback: np.float32, fed: Signal, out: Signal
) -> None:
    """The row plus its feedback, read a moving delay (>= 3 samples) ago: third-order Lagrange
    interpolation.

    Args:
        row: ``[T]``.
        delays: in samples, every ``STEP`` samples, the first one ``offset`` samples before the row.
        offset: see ``delays``.
        feedback: share of the output that is subtracted from the input.
        fed: what was fed before, for the longest delay and ``MARGIN``, then room for the row.
        out: the output, ``[T]``.
    """
    half, third, sixth = np.float32(1 / 2), np.float32(1 / 3), np.float32(1 / 6)
    margin = fed.size - row.size
    for i in range(row.size):
        knot, ahead = (offset + i) // STEP, (offset + i) % STEP
        delay = delays[knot] + (delays[knot + 1] - delays[knot]) * (ahead / STEP)
        position = margin + i - delay
        whole = int(position)
        f = np.float32(position - whole)
        a, b, c, d = fed[whole - 1], fed[whole], fed[whole + 1], fed[whole + 2]
        cubic = (d - a) * sixth + (b - c) * half
        square = (a + c) * half - b
        slope = c - a * third - b * half - d * sixth
        out[i] = ((cubic * f + square) * f + slope) * f + b
        fed[margin + i] = row[i] - feedback * out[i]
