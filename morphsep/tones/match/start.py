"""Where a search for a movement begins: what the recording tells about some of its knobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Signal
from morphsep.tones.match.choices import Knob, Slot
from morphsep.tones.match.guess import echo_times, turning_rates
from morphsep.tones.match.statistics import rates_of_swing
from morphsep.tones.match.sweep import Curve, Sweep, by_ratio, even, sweeps

Floats = npt.NDArray[np.float64]
Guess = Mapping[str, float]
"""Settings of some knobs by their names."""

NUM_TURNING, NUM_SWINGING, NUM_SWEEPS = 3, 3, 2
NUM_BESIDE = 2
"""Rates that are tried with any delays, beside the sweeps that were found."""
FINE, COARSE = 64, 24
"""How many delays and depths are told apart."""
LEAST_MS = 0.3
"""No delay is shorter."""
CHORUS_MS = 10.0
"""Of delay to either side at a chorus's depth 1."""


class Starts:
    """Guesses for each movement, of a recording and of the untouched stem ``[1, T]`` each."""

    def __init__(self, recording: Sequence[Signal], stem: Sequence[Signal]) -> None:
        self._recording, self._stem = recording, stem
        self._turning = turning_rates(recording, stem, count=NUM_TURNING)
        swinging = rates_of_swing(recording, stem, count=NUM_SWINGING)
        self._rates = [*self._turning[:1], *swinging, *self._turning[1:]]

    def of(self, movement: Sequence[Slot]) -> list[Guess]:
        """The likeliest first; none where nothing is known."""
        knobs = movement[0].turned
        guesses: list[Guess] = []
        if "delay_seconds" in knobs:
            knob = knobs["delay_seconds"]
            times = echo_times(self._recording, self._stem, shortest=knob.low, longest=knob.high)
            return [{"delay_seconds": time} for time in times]
        if "centre_delay_ms" in knobs:
            guesses = [_of_chorus(each) for each in self._sweeps(_chorus_ends(knobs), even)]
        elif "longest_ms" in knobs:
            ends = _flanger_ends(knobs)
            guesses = [_of_flanger(each) for each in self._sweeps(ends, by_ratio)]
        guesses = [each for i, each in enumerate(guesses) if each not in guesses[:i]]
        rates = self._rates[:NUM_BESIDE] if guesses else self._rates
        return [*guesses, *({"rate_hz": rate} for rate in rates)]

    def _sweeps(self, ends: Floats, curve: Curve) -> list[Sweep]:
        return sweeps(self._recording, self._turning, ends, curve, count=NUM_SWEEPS)


def _chorus_ends(knobs: Mapping[str, Knob]) -> Floats:
    centres = _spread(knobs["centre_delay_ms"], FINE)
    swings = CHORUS_MS * np.geomspace(knobs["depth"].low, knobs["depth"].high, COARSE)
    low, high = centres - swings[:, None], centres + swings[:, None]
    return np.stack([low[low > LEAST_MS], high[low > LEAST_MS]])


def _flanger_ends(knobs: Mapping[str, Knob]) -> Floats:
    low, high = (_spread(knobs[name], COARSE) for name in ("shortest_ms", "longest_ms"))
    return np.stack([np.repeat(low, high.size), np.tile(high, low.size)])


def _spread(knob: Knob, count: int) -> Floats:
    return np.geomspace(knob.low, knob.high, count)


def _of_chorus(sweep: Sweep) -> Guess:
    centre, swing = (sweep.low + sweep.high) / 2, (sweep.high - sweep.low) / 2
    return {"rate_hz": sweep.rate, "centre_delay_ms": centre, "depth": swing / CHORUS_MS}


def _of_flanger(sweep: Sweep) -> Guess:
    return {"rate_hz": sweep.rate, "shortest_ms": sweep.low, "longest_ms": sweep.high}
