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

from morphsep.signal import MODEL_RATE, Signal
from morphsep.tones.effects import Parameter, Setting, Value, number

Times = npt.NDArray[np.float64]
STEP = 64
"""Samples between two computed values of a delay; in between it moves in a straight line."""
LEAST_MS = 0.3
FORGOTTEN = 1e-5
PIECE = 128
"""Steps at a time, so that what is computed stays in the cache."""


class ModulatedDelay:
    """What chorus and flanger share; ``sweep`` gives the delay in ms for turns of the LFO."""

    rank = 5
    exact_when_neutral = False
    parameters: Mapping[str, Parameter]

    def sweep(self, turns: Times, settings: Mapping[str, Value]) -> Times:
        raise NotImplementedError

    def context(self, settings: Mapping[str, Setting]) -> tuple[int, int]:
        longest = float(self.sweep(np.linspace(0, 1, 101), settings).max()) * MODEL_RATE / 1000
        return math.ceil(longest * (1 + 2 ** _stages(number(settings["feedback"])))) + STEP, 2

    def process(self, signal: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        feedback, rate = number(settings["feedback"]), number(settings["rate_hz"])
        channels = []
        for channel, row in enumerate(signal):
            offset = number(settings["spread"]) * channel

            def delay(at: Times, offset: float = offset) -> Times:
                turns = at / MODEL_RATE * rate % 1.0 + offset
                return self.sweep(turns, settings) * (MODEL_RATE / 1000)

            channels.append(_comb(row, start, delay, feedback))
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


def _stages(feedback: float) -> int:
    """Doublings after which the echoes that are left out are below ``FORGOTTEN``."""
    if feedback <= 0:
        return 0
    return math.ceil(math.log2(math.log(FORGOTTEN) / math.log(feedback)))


def _comb(row: Signal, start: int, delay: Callable[[Times], Times], feedback: float) -> Signal:
    """``D v`` with ``v = x - feedback * D v``, D being the moving delay.

    1 / (1 - A) = (1 + A)(1 + A^2)(1 + A^4)... holds for A = -feedback * D as it does for numbers,
    and each factor is one pass over the signal instead of a loop over samples.
    """
    first, last = start // STEP, (start + row.size) // STEP + 1
    grid: Times = np.arange(first, last + 1, dtype=np.float64) * STEP
    offset = start - first * STEP

    once = total = delay(grid)
    signal, gain = row, -feedback
    for stage in range(_stages(feedback)):
        if stage:
            total = total + _nested(delay, grid - total, stage - 1)
        echo = delayed(signal, total, offset)
        echo *= np.float32(gain)
        echo += signal
        signal, gain = echo, gain * gain
    return delayed(signal, once, offset)


def _nested(delay: Callable[[Times], Times], at: Times, stage: int) -> Times:
    """Total delay of ``2 ** stage`` passes through the moving delay, ending at these times."""
    if stage == 0:
        return delay(at)
    once = _nested(delay, at, stage - 1)
    return once + _nested(delay, at - once, stage - 1)


def delayed(row: Signal, delays: Times, offset: int) -> Signal:
    """``row`` read so many samples (>= 2) ago, ``[T]``: third-order Lagrange interpolation.

    ``delays`` are those every ``STEP`` samples, the first ``offset`` samples before the row.
    """
    cells = delays.size - 1
    margin = int(delays.max()) + 4
    padded = np.pad(row, (margin + offset, cells * STEP - offset - row.size + 2))
    places = margin - 1 + STEP * np.arange(cells) - delays[:-1]
    whole = np.floor(places).astype(np.int64)
    first = (places - whole).astype(np.float32)
    drift = (np.diff(delays) / -STEP).astype(np.float32)
    ramp = np.arange(STEP, dtype=np.float32)
    out = np.empty((cells, STEP), np.float32)
    index = np.empty((PIECE, STEP), np.int64)
    work = np.empty((6, PIECE, STEP), np.float32)
    for i in range(0, cells, PIECE):
        here = slice(i, min(i + PIECE, cells))
        size = here.stop - i
        # Counted from its own cell a place is a small number, which float32 holds well enough.
        place, floor = work[:2, :size]
        np.multiply(drift[here, None], ramp, out=place)
        place += first[here, None]
        np.floor(place, out=floor)
        place -= floor
        np.add(floor, ramp, out=floor)
        np.add(whole[here, None], floor, out=index[:size], casting="unsafe")
        _lagrange(padded, index[:size], place, work[1:, :size], out[here])
    return out.reshape(-1)[offset:][: row.size]


def _lagrange(
    row: Signal, index: npt.NDArray[np.int64], f: Signal, work: Signal, out: Signal
) -> None:
    """``row`` between ``index + 1`` and ``index + 2``, a part ``f`` of the way.

    In place: at these sizes a new array costs more than what is computed in it.
    """
    a, b, c, d, half = work
    for k, each in enumerate((a, b, c, d)):
        row[k:].take(index, mode="clip", out=each)
    d -= a
    d *= np.float32(1 / 6)
    a += c
    a *= np.float32(0.5)
    a -= b
    c -= b
    np.multiply(c, np.float32(0.5), out=half)
    d -= half
    c -= a
    c -= d
    np.multiply(d, f, out=out)
    for each in (a, c):
        out += each
        out *= f
    out += b
