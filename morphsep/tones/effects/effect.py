"""Effects: what the pedals of a chain are made of.

An effect holds no state: it is called with a signal, the song's sample at which the signal
starts, and its settings. Every setting may be a number or, while an amount moves, a curve
``[T]``. Effects do not handle ``mix``: the rack blends dry and wet for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal

Setting = float | bool | str | tuple[tuple[str, float | bool | str], ...]
"""A setting as written in a definition; the nested form is a plugin's own parameters."""

Value = Setting | Signal
"""A setting as an effect receives it: fixed, or a curve ``[T]``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One knob: its range, and how it is interpolated between two settings."""

    default: Setting
    low: float = float("-inf")
    high: float = float("inf")
    scale: Literal["linear", "log", "fixed"] = "fixed"
    """How two settings are interpolated. ``fixed``: not at all; pedals that differ in it are two
    pedals (an LFO that swept its rate would sweep its phase by hundreds of turns)."""
    neutral: float | None = None
    """The setting at which the effect does nothing, or nearly nothing."""


class Effect(Protocol):
    """A kind of pedal. One instance serves every pedal of its kind."""

    @property
    def parameters(self) -> Mapping[str, Parameter]: ...

    @property
    def rank(self) -> int:
        """Position in a rack: 0 gate, 1 dynamics, 2 filters, 3 drive, 4 cabinet, 5 modulation, 6
        echo, 7 room."""
        ...

    @property
    def exact_when_neutral(self) -> bool:
        """At its neutral settings the effect passes the signal on unchanged."""
        ...

    def context(self, settings: Mapping[str, Setting]) -> tuple[int, int]:
        """(before, after): samples that ``process`` needs to settle."""
        ...

    def process(self, signal: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        """``[C, T]`` -> ``[C, T]``, fully wet; ``start``: the song's sample of ``signal[:, 0]``."""
        ...


def number(value: Value) -> float:
    """A setting that is known not to be a curve."""
    assert isinstance(value, float | int), value
    return float(value)


def level(value: Value) -> float | Signal:
    """A setting that is a number or a curve ``[T]``."""
    assert isinstance(value, float | int | np.ndarray), value
    return value


def song_time(start: int, length: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Seconds from the song's sample 0, ``[T]``; exact to the sample for weeks of audio."""
    return (start + np.arange(length)) / MODEL_RATE
