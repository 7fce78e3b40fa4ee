"""Chains that a fit compares: which knobs are turned, how far at a time, how near they come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from morphsep.tones.chain.rack import Pedal
from morphsep.tones.match.choices import Floats, Slot, is_movement, named_knobs, steps_of
from morphsep.tones.match.cma_es import Evolution
from morphsep.tones.match.start import Guess

SMALL = 0.03
"""First steps of a movement's knobs once it has been found, in parts of a knob's range."""

RATE = "rate_hz"

OnProgress = Callable[[int, int, float], None]
"""``(trials done, trials in all, least distance in dB so far)``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Pedals, and the distances in dB that they were found by."""

    pedals: tuple[Pedal, ...]
    before: float
    after: float
    trials: int


@dataclass(slots=True, kw_only=True)
class Counter:
    """Counts trials and reports them."""

    total: int
    report: OnProgress
    least: float
    done: int = 0

    def count(self, cost: float) -> None:
        self.done += 1
        self.least = min(self.least, cost)
        self.report(min(self.done, self.total), self.total, self.least)


@dataclass(slots=True, kw_only=True)
class Candidate:
    """Pedals whose first knobs are held where they are while a search turns the rest."""

    slots: tuple[Slot, ...]
    held: Floats
    search: Evolution

    @property
    def cost(self) -> float:
        return self.search.least

    @property
    def positions(self) -> Floats:
        return np.concatenate([self.held, self.search.best])


def positions_of(slots: Sequence[Slot], guesses: Sequence[Guess]) -> list[dict[int, float]]:
    """Guessed settings as positions of knobs, by the knobs' numbers."""
    knobs = list(enumerate(named_knobs(slots)))
    return [
        {i: knob.where(guess[name]) for i, (name, knob) in knobs if name in guess}
        for guess in guesses
    ]


def at_rate(slots: Sequence[Slot], positions: Floats, factor: float) -> Floats | None:
    """The same positions with the LFO `factor` times as fast; None if there is no LFO, or its knob
    does not go that far."""
    for index, (name, knob) in enumerate(named_knobs(slots)):
        rate = knob.at(float(positions[index])) * factor
        if name == RATE and knob.low <= rate <= knob.high:
            moved = positions.copy()
            moved[index] = knob.where(rate)
            return moved
    return None


def cost_of(candidate: Candidate) -> float:
    """For sorting."""
    return candidate.cost


def small_steps(slots: Sequence[Slot], amplifier: float) -> Floats:
    """First steps where a movement has been found and the amplifier may still be far off."""
    wide = [SMALL if is_movement(each) else amplifier for each in slots for _ in each.turned]
    return np.array(wide) * steps_of(slots)


def slots_from(slots: tuple[Slot, ...], knob: int) -> tuple[Slot, ...]:
    """The pedals that are left when the first `knob` knobs are taken off the front."""
    index = 0
    while knob > 0:
        knob -= len(slots[index].turned)
        index += 1
    return slots[index:]
