"""Some of pedalboard's plugins while a setting moves: the same sound, worked out sample by sample.

pedalboard takes settings between two calls only; see ``sum_of_two`` for all other plugins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import accumulate
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from morphsep.signal import MODEL_RATE, Signal
from morphsep.tones.effects import Value, level

CELL = 64
"""Samples for which a filter keeps its settings, on the song's grid."""
PIECE = 16_384
"""Samples at a time, so that what is computed stays in the cache."""
RATIO = 2.0
TINY = np.float32(1e-30)
Whole = Callable[[Mapping[str, Value]], Signal]
"""The plugin over the whole signal, with settings that stay."""
Levels = npt.NDArray[np.float64]


def highpass(signal: Signal, start: int, settings: Mapping[str, Value], whole: Whole) -> Signal:
    """JUCE's first-order high-pass as ``(1 - g) (x - s)`` with the state ``s += 2 g (x - s)``,
    which a change of ``g`` leaves as it is (Zavalishin, The Art of VA Filter Design, 3.10).

    Sample by sample, but in all cells at once: first each from nothing, then the state at its
    start is added, which fades inside it.
    """
    left, right = start % CELL, -(start + signal.shape[-1]) % CELL
    padded = np.pad(signal, ((0, 0), (left, right)))
    cells = np.ascontiguousarray(padded.reshape(signal.shape[0], -1, CELL).transpose(2, 0, 1))
    g = _feedback(level(settings["cutoff_frequency_hz"]), left, cells.shape[2])
    inward, pole, outward = ((f).astype(np.float32) for f in (2 * g, 1 - 2 * g, 1 - g))
    state = np.zeros(cells.shape[1:], np.float32)
    states = np.empty_like(cells)
    for before, sample in zip(states, cells, strict=True):
        before[:] = state
        state *= pole
        state += sample * inward
    carry = _carried(state, (1 - 2 * g) ** CELL)
    for before, sample in zip(states, cells, strict=True):
        before += carry
        sample -= before
        sample *= outward
        carry *= pole
    filtered = cells.transpose(1, 2, 0).reshape(signal.shape[0], -1)
    return filtered[:, left:][:, : signal.shape[-1]]


def _feedback(hz: float | Signal, left: int, count: int) -> Levels:
    """``g`` at the centres of the cells, of which ``left`` samples lie before the signal."""
    curve = np.asarray(hz, np.float64)
    centres = np.clip(np.arange(count) * CELL + CELL // 2 - left, 0, curve.size - 1)
    turn = np.tan(np.pi * curve[centres] / MODEL_RATE)
    return np.asarray(turn / (1 + turn))


def _carried(ends: Signal, decay: Levels) -> Signal:
    """The state at the start of each cell ``[C, cells]``: one after the other."""
    factors = decay.tolist()
    rows = []
    for row in ends.tolist():
        states = accumulate(zip(row, factors, strict=True), _next, initial=0.0)
        rows.append(list(states)[:-1])
    return np.array(rows, np.float32)


def _next(state: float, cell: tuple[float, float]) -> float:
    end, factor = cell
    return end + factor * state


def compressor(signal: Signal, start: int, settings: Mapping[str, Value], whole: Whole) -> Signal:
    """JUCE's compressor has the gain ``u ** (1 / ratio - 1)``, with a ``u`` that knows nothing of
    the ratio: the gain at one ratio gives that at any other."""
    out = whole({**settings, "ratio": RATIO})
    ratio = np.asarray(level(settings["ratio"]), np.float32)
    power = (1 / ratio - 1) / np.float32(1 / RATIO - 1)
    for i in range(0, signal.shape[-1], PIECE):
        here = np.s_[:, i : i + PIECE]
        gain = np.abs(out[here]) + TINY
        gain /= np.abs(signal[here]) + TINY
        np.log(gain, out=gain)
        gain *= power[i : i + PIECE]
        np.exp(gain, out=gain)
        np.multiply(signal[here], gain, out=out[here])
    return out


Moving = Callable[[Signal, int, Mapping[str, Value], Whole], Signal]
MOVING: Mapping[tuple[str, tuple[str, ...]], Moving] = MappingProxyType(
    {
        ("HighpassFilter", ("cutoff_frequency_hz",)): highpass,
        ("Compressor", ("ratio",)): compressor,
    }
)
"""By a plugin's kind and the settings that move."""
