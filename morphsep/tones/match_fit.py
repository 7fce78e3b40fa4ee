"""Finding the pedals: first what they do to the sound, then how it moves, then all of it together.

Every trial renders passages of the stem through a chain and compares statistics. The search goes
through a tree: a clean or a driven amplifier; behind it, or alone, one of the movements and rooms
of ``match_chain``; the best of these share the next trials by halves, led by ripples as well as by
log-mel statistics; and the last trials bring the best one closer by log-mel statistics alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from morphsep.signal import Signal
from morphsep.tones.match_aim import Aim, Passages
from morphsep.tones.match_chain import (
    CLEAN,
    DRIVEN,
    MOVEMENTS,
    Floats,
    Slot,
    pedals_at,
    rate_knob,
    start_of,
)
from morphsep.tones.match_search import Evolution
from morphsep.tones.rack import Pedal

BASE_SHARE, KIND_SHARE, MOVEMENT_SHARE, LAST_SHARE = 0.1, 0.2, 0.36, 0.2
"""Parts of all trials: into amplifiers, into telling kinds of movement apart, into the likeliest
movements, and into the last candidate; what is left goes into those that are compared."""
SCATTERED = 0.5
"""Part of the trials for a kind of movement that are spread over all of its settings."""
LIKELY = 2
WIDE, NARROW, LAST = 0.25, 0.12, 0.05
"""First steps of a search, in parts of a knob's range."""
DRIVE_PAYS = 0.8
"""A drive is considered if it comes closer than this part of what a clean chain leaves."""
PEDAL_PAYS = 0.02
"""A pedal stays if the distance would grow without it by more than this part of the start."""
LEAST_PARTS = (0.5, 0.02, 0.1, 1.0)
"""Start distances below these count as these, so that noise is not taken for a difference."""
PART_WEIGHTS = (1.0, 1.0, 1.0, 0.5)
"""Of log-mel statistics and of the three kinds of ripples, each as a part of its start."""

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
class _Counter:
    total: int
    report: OnProgress
    least: float
    done: int = 0

    def count(self, cost: float) -> None:
        self.done += 1
        self.least = min(self.least, cost)
        self.report(min(self.done, self.total), self.total, self.least)


@dataclass(slots=True, kw_only=True)
class _Candidate:
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


class Fit:
    """One search. Deterministic for the same passages, reference, budget and seed."""

    def __init__(
        self, passages: Passages, aim: Aim, *, budget: int, seed: int, on_progress: OnProgress
    ) -> None:
        self._passages, self._aim = passages, aim
        self._budget, self._seed = budget, seed
        start = aim.parts(passages.cut())
        self.before = float(start[0])
        self._scale = np.array(PART_WEIGHTS) / np.maximum(start, LEAST_PARTS)
        self._counter = _Counter(total=budget, report=on_progress, least=self.before)

    def run(self) -> Found:
        """The pedals that come closest."""
        base = self._base()
        better = [each for each in self._movements(base) if each.cost < base.cost]
        movements = sorted(better, key=_cost_of)[:LIKELY]
        for each in movements:
            each.search.run(round(self._budget * MOVEMENT_SHARE / len(movements)))
        best = self._compare([base, *(self._all_knobs(each) for each in movements)])
        pedals, after = self._finish(best)
        return Found(pedals=pedals, before=self.before, after=after, trials=self._counter.done)

    def _render(self, passages: Passages, slots: Sequence[Slot], places: Floats) -> list[Signal]:
        return passages.through(pedals_at(slots, places)).cut()

    def _search(
        self, passages: Passages, slots: tuple[Slot, ...], start: Floats, step: float
    ) -> Evolution:
        def cost(places: Floats) -> float:
            parts = self._aim.parts(self._render(passages, slots, places))
            self._counter.count(float(parts[0]))
            return float(parts @ self._scale)

        return Evolution(cost, start, step, self._seed)

    def _base(self) -> _Candidate:
        found = []
        for slots in (CLEAN, DRIVEN):
            search = self._search(self._passages, slots, start_of(slots), WIDE)
            search.run(round(self._budget * BASE_SHARE / 2))
            found.append(_Candidate(slots=slots, held=np.zeros(0), search=search))
        clean, driven = found
        return driven if driven.cost < DRIVE_PAYS * clean.cost else clean

    def _movements(self, base: _Candidate) -> list[_Candidate]:
        """Each movement behind the amplifier as it was found, and behind a high-pass alone: an
        amplifier fitted without a movement has taken over some of what the movement does."""
        starts: list[tuple[tuple[Slot, ...], Floats]] = [(base.slots, base.places)]
        if base.slots is CLEAN:
            starts.append(((), np.zeros(0)))
        trials = round(self._budget * KIND_SHARE / len(starts) / len(MOVEMENTS))
        rates = self._aim.rates(self._passages.cut())
        found = []
        for slots, places in starts:
            prefix = self._passages.through(pedals_at(slots, places))
            for movement in MOVEMENTS:
                turned = movement if slots else (CLEAN[0], *movement)
                search = self._search(prefix, turned, start_of(turned), NARROW)
                index, guesses = _guesses(turned, rates)
                search.scatter(round(trials * SCATTERED), index, guesses)
                search.run(round(trials * (1 - SCATTERED)))
                found.append(_Candidate(slots=(*slots, *turned), held=places, search=search))
        return found

    def _all_knobs(self, candidate: _Candidate) -> _Candidate:
        """The same with nothing held, and with an amplifier if it has none."""
        slots, places = candidate.slots, candidate.places
        if not candidate.held.size:
            rest = start_of(CLEAN[1:])
            slots = (*CLEAN, *slots[1:])
            places = np.concatenate([places[:1], rest, places[1:]])
        search = self._search(self._passages, slots, places, NARROW)
        search.start()
        return _Candidate(slots=slots, held=np.zeros(0), search=search)

    def _compare(self, candidates: list[_Candidate]) -> _Candidate:
        """Successive halving: trials for all candidates, then for the better half, ..."""
        rounds = len(candidates).bit_length()
        left = round(self._budget * (1 - LAST_SHARE)) - self._counter.done
        for _ in range(rounds):
            for each in candidates:
                each.search.run(max(left // rounds // len(candidates), 1))
            candidates = sorted(candidates, key=_cost_of)
            candidates = candidates[: max(len(candidates) // 2, 1)]
        return candidates[0]

    def _finish(self, best: _Candidate) -> tuple[tuple[Pedal, ...], float]:
        """The best one by log-mel statistics alone, without what does nothing in it."""

        def cost(at: Floats) -> float:
            found = self._aim.distance(self._render(self._passages, best.slots, at))
            self._counter.count(found)
            return found

        search = Evolution(cost, best.places, LAST, self._seed)
        search.start()
        search.run(max(self._budget - self._counter.done, 1))
        return self._without_idle(pedals_at(best.slots, search.best))

    def _without_idle(self, pedals: tuple[Pedal, ...]) -> tuple[tuple[Pedal, ...], float]:
        """The pedals without those that hardly do anything."""
        after = self._aim.distance(self._passages.through(pedals).cut())
        index = 0
        while index < len(pedals):
            fewer = pedals[:index] + pedals[index + 1 :]
            rest = self._aim.distance(self._passages.through(fewer).cut())
            if fewer and rest < after + PEDAL_PAYS * self.before:
                pedals, after = fewer, rest
            else:
                index += 1
        return pedals, after


def _cost_of(candidate: _Candidate) -> float:
    return candidate.cost


def _guesses(movement: Sequence[Slot], rates: Sequence[float]) -> tuple[int, list[float]]:
    knob = rate_knob(movement)
    if knob is None:
        return 0, []
    index, turned = knob
    return index, [turned.where(rate) for rate in rates if turned.low <= rate <= turned.high]
