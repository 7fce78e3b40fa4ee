"""Gate: turns down the noise under the guitar before a drive raises it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, Signal
from morphsep.tones.effects.effect import Parameter, Setting, Value, level, number
from morphsep.tones.effects.power import CELL, per_sample, smoothed_power

Levels = npt.NDArray[np.float64]

REACH = 16
"""Cells that the level averages to either side: +-23 ms, more than a period of the low E."""
SETTLE = CELL * (REACH + 2)


class Gate:
    """A downward expander: each dB below ``threshold_db`` (dBFS RMS of all channels) turns into
    ``ratio`` dB.

    The level is a weighted mean over +-23 ms, so the gate opens ahead of an attack; of those of the
    last ``hold_ms`` the highest counts, so that the beats of a chord do not chop its end. Older
    ones are forgotten: unlike an attack/release follower it settles exactly.
    """

    parameters: Mapping[str, Parameter] = MappingProxyType(
        {
            "threshold_db": Parameter(default=-60.0, low=-120, high=0, scale="linear"),
            "ratio": Parameter(default=3.0, low=1, high=10, scale="log", neutral=1.0),
            "hold_ms": Parameter(default=0.0, low=0, high=1000),
        }
    )
    rank = 0
    exact_when_neutral = True

    def context(self, settings: Mapping[str, Setting]) -> tuple[int, int]:
        return SETTLE + CELL * _held(settings), SETTLE

    def process(self, signal: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        cells, centres = smoothed_power(signal, start, REACH)
        cells = _hold(cells, _held(settings))
        threshold, ratio = (_at(level(settings[k]), centres) for k in ("threshold_db", "ratio"))
        under = np.maximum(threshold - 10 * np.log10(cells + 1e-20), 0)
        if not under.any():
            return signal
        gain = (10 ** (-(ratio - 1) * under / 20)).astype(np.float32)
        return signal * per_sample(gain, centres, signal.shape[-1])


def _held(settings: Mapping[str, Value]) -> int:
    """Cells for which a level is held."""
    return round(number(settings["hold_ms"]) * MODEL_RATE / 1000 / CELL)


def _hold(cells: Levels, held: int) -> Levels:
    """The largest value of each cell and the ``held`` before it."""
    padded = np.pad(cells, (held, 0))
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, held + 1).max(axis=-1))


def _at(value: float | Signal, centres: npt.NDArray[np.int64]) -> float | Levels:
    if not isinstance(value, np.ndarray):
        return value
    return value[np.clip(centres, 0, value.size - 1)].astype(np.float64)
