"""Phaser: six all-pass stages that an LFO moves, mixed with the dry signal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal, compiled
from morphsep.tones.effects.effect import Parameter, Setting, Value, number
from morphsep.tones.effects.frames import knots

STAGES = 6
STEP = 64
"""Samples between two computed values of the frequency; in between the filters' gain is
interpolated linearly."""
FORGOTTEN = 1e-4
LOWEST, HIGHEST = 200.0, 16_000.0
DECADES = 3.0
"""pedalboard sweeps on a logarithmic scale from 20 Hz to 20 kHz; so do we."""


class Phaser:
    """pedalboard's phaser, parameter by parameter, with its LFO locked to song time and a feedback
    without delay."""

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
        centre, depth, feedback = (
            number(settings[k]) for k in ("centre_frequency_hz", "depth", "feedback")
        )
        lowest = max(centre * 10 ** (-DECADES * 0.5 * depth), LOWEST)
        once = STAGES * MODEL_RATE / (math.pi * lowest)
        passes = math.log(FORGOTTEN) / math.log(feedback) if feedback > 0 else 0.0
        return math.ceil(once * (2 + passes)) + STEP, 0

    def process(self, signal: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        return self.swept(signal, start, settings, self.states(len(signal)))

    def states(self, channels: int) -> Signal:
        """What the stages remember before anything has been played, ``[C, STAGES]``."""
        return np.zeros((channels, STAGES), np.float32)

    def swept(
        self, signal: Signal, start: int, settings: Mapping[str, Value], states: Signal
    ) -> Signal:
        """The same as `process`, from these states on; they become those at the signal's end."""
        rate, depth, centre, feedback = (
            number(settings[k]) for k in ("rate_hz", "depth", "centre_frequency_hz", "feedback")
        )
        times = (start + knots(start, signal.shape[-1], STEP)) / MODEL_RATE
        swing = np.sin(2 * np.pi * (times * rate % 1.0))
        hz = np.clip(centre * 10 ** (DECADES * 0.5 * depth * swing), LOWEST, HIGHEST)
        turn = np.tan(np.pi * hz / MODEL_RATE)
        out = np.empty_like(signal, order="C")
        gains = (turn / (1 + turn)).astype(np.float32)
        _swept(signal, start % STEP, gains, np.float32(feedback), states, out)
        return out


@compiled
def _swept(
    signal: Signal, left: int, gains: Signal, feedback: np.float32, states: Signal, out: Signal
) -> None:
    """``A / (1 + feedback * A)``, A being the stages: each ``2 L - 1`` with a first-order low-pass
    L whose state stays valid when its frequency changes (Zavalishin, The Art of VA Filter Design,
    3.10), and the loop solved for its output (chapter 5).

    ``gains [n]`` hold ``g / (1 + g)``, the first one ``left`` samples before the signal.
    """
    one, two, step = np.float32(1), np.float32(2), np.float32(STEP)
    for i in range(signal.shape[1]):
        knot, ahead = (left + i) // STEP, (left + i) % STEP
        gain = gains[knot] + (gains[knot + 1] - gains[knot]) * (np.float32(ahead) / step)
        through, kept = two * gain - one, two * (one - gain)
        for row in range(signal.shape[0]):
            at_once, later = one, np.float32(0)
            for stage in range(STAGES):
                at_once *= through
                later = later * through + kept * states[row, stage]
            x = signal[row, i]
            x -= feedback * (at_once * x + later) / (one + feedback * at_once)
            for stage in range(STAGES):
                step_up = (x - states[row, stage]) * gain
                low = states[row, stage] + step_up
                states[row, stage] = low + step_up
                x = two * low - x
            out[row, i] = x
