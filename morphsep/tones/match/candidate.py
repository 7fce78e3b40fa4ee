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
    """Pedals of which the first knobs stay where they are and a search turns the rest."""

    slots: tuple[Slot, ...]
    held: Floats
    search: Evolution

    @property
    def cost(self) -> float:
        return self.search.least

    @property
    def places(self) -> Floats:
        return np.concatenate([self.held, self.search.best])


def places_of(slots: Sequence[Slot], guesses: Sequence[Guess]) -> list[dict[int, float]]:
    """Guessed settings as places of knobs by their numbers."""
    knobs = list(enumerate(named_knobs(slots)))
    return [
        {i: knob.where(guess[name]) for i, (name, knob) in knobs if name in guess}
        for guess in guesses
    ]


def at_rate(slots: Sequence[Slot], places: Floats, factor: float) -> Floats | None:
    """The same places with an LFO that turns so many times as fast; None where none turns, or
    none can that fast."""
    for index, (name, knob) in enumerate(named_knobs(slots)):
        rate = knob.at(float(places[index])) * factor
        if name == RATE and knob.low <= rate <= knob.high:
            moved = places.copy()
            moved[index] = knob.where(rate)
            return moved
    return None


def cost_of(candidate: Candidate) -> float:
    return candidate.cost


def small_steps(slots: Sequence[Slot], amplifier: float) -> Floats:
    """First steps where a movement has been found and the amplifier may still be far off."""
    wide = [SMALL if is_movement(each) else amplifier for each in slots for _ in each.turned]
    return np.array(wide) * steps_of(slots)


def slots_from(slots: tuple[Slot, ...], knob: int) -> tuple[Slot, ...]:
    """Those behind so many knobs."""
    index = 0
    while knob > 0:
        knob -= len(slots[index].turned)
        index += 1
    return slots[index:]
