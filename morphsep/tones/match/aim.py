"""What a search hears: passages of a stem behind pedals, and how far they are from a recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Signal
from morphsep.tones.chain.rack import Pedal, run
from morphsep.tones.match.ripple import ripples
from morphsep.tones.match.statistics import distance, statistics

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passages:
    """Passages of one stem: signals ``[1, T]`` at the reference loudness, the sample of the song at
    which each begins, and how many samples at the start of each are context only."""

    signals: Sequence[Signal]
    starts: Sequence[int]
    context: int

    def through(self, pedals: Sequence[Pedal]) -> Passages:
        """The passages after they went through these pedals."""
        steps = [(pedal.effect, pedal.values) for pedal in pedals]
        pairs = zip(self.signals, self.starts, strict=True)
        return replace(self, signals=[run(steps, signal, start) for signal, start in pairs])

    def cut(self) -> list[Signal]:
        """The signals without their context."""
        return [signal[:, self.context :] for signal in self.signals]


class Aim:
    """A recording's sound, which chains are compared with."""

    def __init__(self, passages: Sequence[Signal]) -> None:
        self.passages = passages
        self.statistics = statistics(passages)
        self._ripples = ripples(passages)

    def distance(self, passages: Sequence[Signal]) -> float:
        """Distance to the recording by log-mel statistics, dB."""
        return distance(statistics(passages), self.statistics)

    def parts(self, passages: Sequence[Signal]) -> Floats:
        """``[6]``: that distance, and those of the ripples."""
        pairs = zip(ripples(passages), self._ripples, strict=True)
        rest = [float(np.sqrt(np.mean((a - b) ** 2))) for a, b in pairs]
        return np.array([self.distance(passages), *rest])
