"""The rack: pedals in a row, each blending its dry and wet signal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal
from morphsep.tones.effects.effect import Effect, Setting, Value
from morphsep.tones.effects.registry import RINGING, effect_named
from morphsep.tones.reference_level import to_reference

NEPERS = math.log(10) / 20
"""Nepers in a dB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pedal:
    """One effect with all its settings, in the order of their names."""

    kind: str
    settings: tuple[tuple[str, Setting], ...]

    @property
    def effect(self) -> Effect:
        return effect_named(self.kind)

    @property
    def values(self) -> dict[str, Setting]:
        return dict(self.settings)

    @property
    def rings(self) -> bool:
        """Whether it sounds on after its input has ended."""
        return self.kind in RINGING and self.values["mix"] != 0

    def context(self) -> tuple[int, int]:
        """(before, after) in samples."""
        return self.effect.context(self.values)


Step = tuple[Effect, Mapping[str, Value]]
"""An effect and its current settings: numbers, or curves ``[T]``."""


def play(steps: Sequence[Step], stem: Signal, start: int, level: float, trim: Value) -> Signal:
    """The stem ``[C, T]`` through pedals, at the reference loudness and back; ``trim`` in dB."""
    assert isinstance(trim, float | np.ndarray)
    gain = to_reference(level, stem.shape[0])
    signal = run(steps, stem * np.float32(gain), start)
    if isinstance(trim, float):
        return signal * np.float32(math.exp(trim * NEPERS) / gain)
    factor: Signal = np.exp(trim * np.float32(NEPERS))
    factor /= np.float32(gain)
    return signal * factor


def run(steps: Sequence[Step], signal: Signal, start: int) -> Signal:
    """A signal ``[C, T]`` at the reference loudness through pedals."""
    for effect, settings in steps:
        signal = _through(effect, settings, signal, start)
    return signal


def _through(effect: Effect, settings: Mapping[str, Value], dry: Signal, start: int) -> Signal:
    mix = settings["mix"]
    if not isinstance(mix, np.ndarray) and mix == 0:
        return dry
    wet = effect.process(dry, start, {k: v for k, v in settings.items() if k != "mix"})
    return blend(dry, wet, mix)


def blend(dry: Signal, wet: Signal, mix: Value) -> Signal:
    """From the dry (0) to the wet signal (1), by a number or a curve ``[T]``."""
    if not isinstance(mix, np.ndarray) and mix == 1:
        return wet
    assert isinstance(mix, float | np.ndarray)
    blended = wet - dry
    blended *= np.asarray(mix, np.float32)
    blended += dry
    return blended


def total_context(parts: Sequence[tuple[int, int]], settle: float | None) -> tuple[int, int]:
    """(before, after) of pedals in a row; ``settle`` in seconds overrides what comes before."""
    before = sum(b for b, _ in parts) if settle is None else round(settle * MODEL_RATE)
    return before, sum(a for _, a in parts)
