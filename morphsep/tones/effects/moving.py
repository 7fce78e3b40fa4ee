"""Some of pedalboard's plugins with moving settings: the same sound, computed sample by sample.

pedalboard takes new settings only between two calls; ``sum_of_two`` serves all other plugins.

The filters are Zavalishin's (The Art of VA Filter Design, chapters 3 and 4), whose states stay
valid when the settings change, in the form of A. Simper's "Solving the continuous SVF equations
using trapezoidal integration". With constant settings they equal R. Bristow-Johnson's, and so
JUCE's except for JUCE's rounded coefficients, which matter at low frequencies only (-67 dB for a
shelf at 80 Hz).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, Signal, compiled, from_db
from morphsep.tones.effects.effect import Value, level, number
from morphsep.tones.effects.frames import knots

CELL = 64
"""Samples between two values of a filter's settings, on the song's grid; in between they are
interpolated linearly. A passage needs as many samples after it (``Chain`` asks for more)."""
PIECE = 16_384
"""Samples at a time, so that intermediate results stay in the cache."""
Levels = npt.NDArray[np.float64]


@dataclass(slots=True, kw_only=True)
class Memory:
    """What a plugin remembers from one signal to the next."""

    states: Signal
    """``[C, 2]``, zeros at first; each signal leaves here what it ends with."""
    lead: int = 0
    """Samples by which curves begin before the signal and end after it."""

    @classmethod
    def empty(cls, channels: int, lead: int = 0) -> Memory:
        return cls(states=np.zeros((channels, 2), np.float32), lead=lead)


Moving = Callable[[Signal, int, Mapping[str, Value], Memory], Signal]


def highpass(signal: Signal, start: int, settings: Mapping[str, Value], memory: Memory) -> Signal:
    """First-order high-pass: the signal less its low-pass."""
    return signal - lowpass(signal, start, settings, memory)


def lowpass(signal: Signal, start: int, settings: Mapping[str, Value], memory: Memory) -> Signal:
    """First-order low-pass."""
    hz = _at_knots(settings["cutoff_frequency_hz"], signal, start, memory)
    turn = np.tan(np.pi * hz / MODEL_RATE)
    gains = (turn / (1 + turn)).astype(np.float32)
    out = np.empty_like(signal, order="C")
    _first_order(signal, start % CELL, gains, memory.states, out)
    return out


def peak(signal: Signal, start: int, settings: Mapping[str, Value], memory: Memory) -> Signal:
    """Peak filter: a bell of ``gain_db``."""
    turn, q, a = _second_order(signal, start, settings, memory)
    k = 1 / (q * a)
    gains = [np.ones_like(a), k * (a * a - 1), np.zeros_like(a)]
    return _filtered(signal, start, [turn, k, *gains], memory)


def low_shelf(signal: Signal, start: int, settings: Mapping[str, Value], memory: Memory) -> Signal:
    """Low shelf: ``gain_db`` below the cutoff."""
    turn, q, a = _second_order(signal, start, settings, memory)
    k = 1 / q
    g = turn / np.sqrt(a)
    return _filtered(signal, start, [g, k, np.ones_like(a), k * (a - 1), a * a - 1], memory)


def high_shelf(signal: Signal, start: int, settings: Mapping[str, Value], memory: Memory) -> Signal:
    """High shelf: ``gain_db`` above the cutoff."""
    turn, q, a = _second_order(signal, start, settings, memory)
    k = 1 / q
    g = turn * np.sqrt(a)
    return _filtered(signal, start, [g, k, a * a, k * (1 - a) * a, 1 - a * a], memory)


def _second_order(
    signal: Signal, start: int, settings: Mapping[str, Value], memory: Memory
) -> tuple[Levels, Levels, Levels]:
    """``tan(w / 2)``, Q and the root of the gain, at the knots."""
    names = ("cutoff_frequency_hz", "q", "gain_db")
    hz, q, gain_db = (_at_knots(settings[name], signal, start, memory) for name in names)
    return np.tan(np.pi * hz / MODEL_RATE), q, 10 ** (gain_db / 40)


def _at_knots(value: Value, signal: Signal, start: int, memory: Memory) -> Levels:
    """A setting every ``CELL`` samples of the song, around the signal."""
    positions = knots(start, signal.shape[-1], CELL) + memory.lead
    if not isinstance(value, np.ndarray):
        return np.full(positions.size, value, np.float64)
    return value.take(positions, mode="clip").astype(np.float64)


def _filtered(signal: Signal, start: int, knots: list[Levels], memory: Memory) -> Signal:
    out = np.empty_like(signal, order="C")
    at_knots = np.stack(knots).astype(np.float32)
    _state_variable(signal, start % CELL, at_knots, memory.states, out)
    return out


@compiled
def _first_order(signal: Signal, left: int, knots: Signal, states: Signal, out: Signal) -> None:
    """Low-pass of two rows at a time: their sums do not depend on each other, so the CPU overlaps
    them.

    ``knots [n]`` hold ``g / (1 + g)``, the first one ``left`` samples before the signal.
    """
    cell = np.float32(CELL)
    two = np.float32(2)
    for row in range(0, signal.shape[0], 2):
        other = min(row + 1, signal.shape[0] - 1)
        a, b, to_a, to_b = signal[row], signal[other], out[row], out[other]
        state_a, state_b = states[row, 0], states[other, 0]
        for i in range(a.size):
            knot, ahead = (left + i) // CELL, (left + i) % CELL
            g = knots[knot] + (knots[knot + 1] - knots[knot]) * (np.float32(ahead) / cell)
            step_a, step_b = (a[i] - state_a) * g, (b[i] - state_b) * g
            to_a[i], to_b[i] = state_a + step_a, state_b + step_b
            state_a, state_b = state_a + two * step_a, state_b + two * step_b
        states[row, 0], states[other, 0] = state_a, state_b


@compiled
def _state_variable(signal: Signal, left: int, knots: Signal, states: Signal, out: Signal) -> None:
    """Second order; see ``_first_order``. ``knots [5, n]`` hold g, k (1 / Q), and the gains of the
    signal, the band-pass and the low-pass."""
    one, two, cell = np.float32(1), np.float32(2), np.float32(CELL)
    for row in range(0, signal.shape[0], 2):
        other = min(row + 1, signal.shape[0] - 1)
        a, b, to_a, to_b = signal[row], signal[other], out[row], out[other]
        first_a, second_a = states[row, 0], states[row, 1]
        first_b, second_b = states[other, 0], states[other, 1]
        for i in range(a.size):
            knot, ahead = (left + i) // CELL, (left + i) % CELL
            part = np.float32(ahead) / cell
            here, after = knots[:, knot], knots[:, knot + 1]
            g = here[0] + (after[0] - here[0]) * part
            k = here[1] + (after[1] - here[1]) * part
            dry = here[2] + (after[2] - here[2]) * part
            band = here[3] + (after[3] - here[3]) * part
            low = here[4] + (after[4] - here[4]) * part
            scale = one / (one + g * (g + k))
            by_g = g * scale
            by_g_g = g * by_g

            over = a[i] - second_a
            v1 = scale * first_a + by_g * over
            v2 = second_a + by_g * first_a + by_g_g * over
            first_a, second_a = two * v1 - first_a, two * v2 - second_a
            to_a[i] = dry * a[i] + band * v1 + low * v2

            over = b[i] - second_b
            v1 = scale * first_b + by_g * over
            v2 = second_b + by_g * first_b + by_g_g * over
            first_b, second_b = two * v1 - first_b, two * v2 - second_b
            to_b[i] = dry * b[i] + band * v1 + low * v2
        states[row, 0], states[row, 1] = first_a, second_a
        states[other, 0], states[other, 1] = first_b, second_b


def compressor(signal: Signal, start: int, settings: Mapping[str, Value], memory: Memory) -> Signal:
    """JUCE's compressor: a level above the threshold is raised to the power of ``1 / ratio``."""
    attack, release = (
        np.float32(_kept(number(settings[name]))) for name in ("attack_ms", "release_ms")
    )
    out = np.empty_like(signal, order="C")
    _followed(signal, attack, release, memory.states, out)
    least = np.float32(from_db(number(settings["threshold_db"])))
    ratio = np.broadcast_to(level(settings["ratio"]), signal.shape[-1] + 2 * memory.lead)
    power = 1 / np.asarray(ratio[memory.lead :][: signal.shape[-1]], np.float32) - 1
    for i in range(0, signal.shape[-1], PIECE):
        gain = out[:, i : i + PIECE]
        gain /= least
        np.maximum(gain, 1, out=gain)
        np.log(gain, out=gain)
        gain *= power[i : i + PIECE]
        np.exp(gain, out=gain)
        gain *= signal[:, i : i + PIECE]
    return out


def _kept(milliseconds: float) -> float:
    """Share of a follower's level that is kept per sample; a time in JUCE is 2 pi time
    constants."""
    if milliseconds < 1e-3:
        return 0.0
    return math.exp(-2 * math.pi * 1000 / (milliseconds * MODEL_RATE))


@compiled
def _followed(
    signal: Signal, attack: np.float32, release: np.float32, states: Signal, out: Signal
) -> None:
    """The level of each row's amplitude; two rows at a time, as above."""
    for row in range(0, signal.shape[0], 2):
        other = min(row + 1, signal.shape[0] - 1)
        a, b, to_a, to_b = signal[row], signal[other], out[row], out[other]
        level_a, level_b = states[row, 0], states[other, 0]
        for i in range(a.size):
            peak_a, peak_b = abs(a[i]), abs(b[i])
            level_a = peak_a + (attack if peak_a > level_a else release) * (level_a - peak_a)
            level_b = peak_b + (attack if peak_b > level_b else release) * (level_b - peak_b)
            to_a[i], to_b[i] = level_a, level_b
        states[row, 0], states[other, 0] = level_a, level_b


BELL = frozenset({"cutoff_frequency_hz", "gain_db", "q"})
MOVING: Mapping[str, tuple[frozenset[str], Moving]] = MappingProxyType(
    {
        "HighpassFilter": (frozenset({"cutoff_frequency_hz"}), highpass),
        "LowpassFilter": (frozenset({"cutoff_frequency_hz"}), lowpass),
        "PeakFilter": (BELL, peak),
        "LowShelfFilter": (BELL, low_shelf),
        "HighShelfFilter": (BELL, high_shelf),
        "Compressor": (frozenset({"ratio"}), compressor),
    }
)
"""Plugin -> the settings that may move, and the function that plays it then."""
