"""Chains that a fit may choose from: which pedals, and which of their knobs it turns.

Ranges are those that guitarists use, narrower than what the pedals can do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morphsep.tones.chain.rack import Pedal
from morphsep.tones.effects.registry import knobs

Floats = npt.NDArray[np.float64]
DIGITS = 4
"""Significant digits of a setting: what is tried is what the file says. An echo that is a quarter
of a millisecond off already colours what it is added to."""


@dataclass(frozen=True, slots=True)
class Knob:
    """A setting that the search turns, from ``low`` to ``high``."""

    low: float
    high: float
    start: float
    log: bool = False
    step: float = 1.0
    """How far a search goes at a time, against other knobs: small where a little is heard."""

    def at(self, position: float) -> float:
        """The setting at a position in [0, 1]."""
        if self.log:
            value = self.low * (self.high / self.low) ** position
        else:
            value = self.low + (self.high - self.low) * position
        return min(max(float(f"{value:.{DIGITS}g}"), self.low), self.high)

    def where(self, value: float) -> float:
        """The position of a setting, in [0, 1]."""
        if self.log:
            position = np.log(value / self.low) / np.log(self.high / self.low)
        else:
            position = (value - self.low) / (self.high - self.low)
        return float(np.clip(position, 0, 1))


def hz(low: float, high: float, start: float) -> Knob:
    """A knob whose equal turns are equal ratios."""
    return Knob(low, high, start, log=True)


def exact(low: float, high: float, start: float, step: float) -> Knob:
    """An `hz` knob that has to be right to a few percent: the search turns it in small steps."""
    return Knob(low, high, start, log=True, step=step)


@dataclass(frozen=True, slots=True)
class Slot:
    """A pedal with the knobs that are turned and the settings that stay."""

    kind: str
    turned: Mapping[str, Knob]
    fixed: Mapping[str, float]


def slot(kind: str, **settings: Knob | float) -> Slot:
    """A pedal of this kind, with a knob or a fixed value for each setting."""
    return Slot(
        kind,
        {name: value for name, value in settings.items() if isinstance(value, Knob)},
        {name: value for name, value in settings.items() if not isinstance(value, Knob)},
    )


DB = Knob(-12, 12, 0)
CLEAN = (
    slot("HighpassFilter", cutoff_frequency_hz=hz(20, 500, 20)),
    slot("Compressor", threshold_db=Knob(-45, 0, -10), ratio=hz(1, 10, 1), attack_ms=12.0,
         release_ms=90.0),
    slot("PeakFilter", cutoff_frequency_hz=hz(120, 1500, 450), gain_db=DB, q=hz(0.3, 3, 0.7)),
    slot("PeakFilter", cutoff_frequency_hz=hz(1200, 8000, 2500), gain_db=DB, q=hz(0.3, 3, 0.7)),
    slot("HighShelfFilter", cutoff_frequency_hz=hz(1500, 9000, 4000), gain_db=Knob(-24, 12, 0),
         q=0.7),
)  # fmt: skip
DRIVEN = (
    slot("Gate", threshold_db=Knob(-80, -40, -70), ratio=3.0),
    slot("HighpassFilter", cutoff_frequency_hz=hz(20, 500, 120)),
    slot("PeakFilter", cutoff_frequency_hz=hz(300, 3000, 900), gain_db=Knob(-6, 12, 3), q=0.6),
    slot("Drive", drive_db=Knob(0, 54, 24), hardness=Knob(0, 1, 0.4), asymmetry=Knob(0, 0.5, 0.1)),
    slot("PeakFilter", cutoff_frequency_hz=hz(120, 2000, 500), gain_db=DB, q=0.8),
    slot("Cabinet", low_hz=hz(50, 220, 90), resonance_db=Knob(-3, 9, 4), dip_db=Knob(-12, 4, -4),
         presence_db=Knob(-6, 12, 4), high_hz=hz(2500, 12_000, 5200)),
)  # fmt: skip
MIX = Knob(0, 0.7, 0.4)
MOVEMENTS = (
    (slot("Chorus", rate_hz=exact(0.1, 6, 0.8, 0.01), depth=Knob(0.02, 0.6, 0.2, step=0.08),
          centre_delay_ms=exact(3, 25, 8, 0.05), feedback=0.0, mix=MIX),),
    (slot("Flanger", rate_hz=exact(0.05, 4, 0.3, 0.01), shortest_ms=exact(0.3, 2, 0.7, 0.08),
          longest_ms=exact(2, 12, 5, 0.05), feedback=Knob(0, 0.8, 0.3), mix=MIX),),
    (slot("Phaser", rate_hz=exact(0.1, 6, 0.5, 0.05), depth=Knob(0.05, 1, 0.5),
          centre_frequency_hz=hz(300, 4000, 1100), feedback=Knob(0, 0.7, 0.2), mix=MIX),),
    (slot("Tremolo", rate_hz=exact(1, 12, 5, 0.05), depth=Knob(0, 1, 0.5)),),
    (slot("Delay", delay_seconds=exact(0.05, 0.6, 0.3, 0.005), feedback=Knob(0, 0.4, 0.1),
          mix=Knob(0, 0.5, 0.2)),
     slot("Reverberator", t60_s=hz(0.2, 6, 1.2), high_ratio=hz(0.1, 1, 0.4),
          pre_delay_ms=Knob(0, 80, 20), late_db=Knob(-30, 6, -12), early_db=-10.0)),
)  # fmt: skip


def is_movement(each: Slot) -> bool:
    """Whether the pedal belongs to a movement or a room, not to an amplifier."""
    return any(each is one for movement in MOVEMENTS for one in movement)


def named_knobs(slots: Sequence[Slot]) -> Iterator[tuple[str, Knob]]:
    """The knobs of all pedals with their names, in the order of a search's positions."""
    for each in slots:
        yield from each.turned.items()


def start_of(slots: Sequence[Slot]) -> Floats:
    """The position of every knob where a search begins."""
    return np.array([knob.where(knob.start) for _, knob in named_knobs(slots)])


def steps_of(slots: Sequence[Slot]) -> Floats:
    """How far a search goes at a time, by knob."""
    return np.array([knob.step for _, knob in named_knobs(slots)])


def pedals_at(slots: Sequence[Slot], positions: Floats) -> tuple[Pedal, ...]:
    """The pedals with their knobs at these positions ``[knobs]`` in [0, 1]."""
    found, rest = [], iter(positions.tolist())
    for each in slots:
        settings = {name: knob.default for name, knob in knobs(each.kind).items()}
        settings.update(each.fixed)
        settings.update({name: knob.at(next(rest)) for name, knob in each.turned.items()})
        found.append(Pedal(kind=each.kind, settings=tuple(sorted(settings.items()))))
    return tuple(found)
