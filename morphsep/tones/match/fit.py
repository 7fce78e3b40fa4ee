"""The search for pedals: first the amplifier, then what moves, then all knobs together.

Every trial renders passages of the stem through a chain and compares statistics. The search goes
through a tree: a clean or a driven amplifier; behind it, or alone, one of the movements and rooms
of `choices`, led by ripples as well as by log-mel statistics; the likeliest of these come
closer in small steps by log-mel statistics alone; then they and the amplifier share the next trials
by halves with every knob free, and the last trials go to the best one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from morphsep.dsp import Signal
from morphsep.tones.chain.rack import Pedal
from morphsep.tones.match.aim import Aim, Passages
from morphsep.tones.match.candidate import (
    Candidate,
    Counter,
    Found,
    OnProgress,
    at_rate,
    cost_of,
    positions_of,
    slots_from,
    small_steps,
)
from morphsep.tones.match.choices import (
    CLEAN,
    DRIVEN,
    MOVEMENTS,
    Floats,
    Slot,
    pedals_at,
    start_of,
    steps_of,
)
from morphsep.tones.match.cma_es import Evolution
from morphsep.tones.match.start import Starts

BASE_SHARE, KIND_SHARE, MOVEMENT_SHARE, CLOSER_SHARE, LAST_SHARE = 0.1, 0.25, 0.12, 0.25, 0.12
"""Shares of all trials: for amplifiers, for telling kinds of movement apart, for the likeliest
movements, for bringing these closer, and for the last candidate; the rest is for comparing."""
SCATTERED = 0.5
"""Part of the trials for a kind of movement that are spread over all of its settings."""
LIKELY = 2
WIDE, NARROW, LAST = 0.25, 0.07, 0.05
"""First steps of a search, in parts of a knob's range."""
OCTAVES, OCTAVE_SHARE = (0.5, 2.0), 0.12
AGAIN = 1.5
"""How much wider the steps of a second search are, which starts where the first one ended."""
DRIVE_PAYS = 0.8
"""A drive is considered if it comes closer than this part of what a clean chain leaves."""
PEDAL_PAYS = 0.02
"""A pedal stays if the distance would grow without it by more than this part of the start."""
LEAST_PARTS = (0.5, 0.02, 0.1, 1.0, 0.05, 0.05)
"""Start distances below these count as these, so that noise is not taken for a difference."""
PART_WEIGHTS = np.array((1.0, 1.0, 1.0, 0.5, 0.0, 0.0))
"""Of log-mel statistics and of the kinds of ripples, each as a part of its start."""
LOG_WEIGHTS = np.array((1.0, 0.5, 0.5, 1.0, 1.0, 1.0))
"""The same of the logarithms of these parts: each then leads on, however near it already is."""
NEAR = 0.01
"""A part of the start that is not worth making smaller."""


class Fit:
    """One search. Deterministic for the same passages, reference, budget and seed."""

    def __init__(
        self, passages: Passages, aim: Aim, *, budget: int, seed: int, on_progress: OnProgress
    ) -> None:
        self._passages, self._aim = passages, aim
        self._budget, self._seed = budget, seed
        start = aim.parts(passages.cut())
        self.before = float(start[0])
        self._scale = 1 / np.maximum(start, LEAST_PARTS)
        self._counter = Counter(total=budget, report=on_progress, least=self.before)

    def run(self) -> Found:
        """The pedals that come closest."""
        base = self._base()
        limit = self._led(self._aim.parts(self._render(self._passages, base.slots, base.positions)))
        better = [each for each in self._movements(base) if each.cost < limit]
        movements = sorted(better, key=cost_of)[:LIKELY]
        for each in movements:
            each.search.run(round(self._budget * MOVEMENT_SHARE / len(movements)))
        closer = sorted((self._closer(each, len(movements)) for each in movements), key=cost_of)
        closer[:1] = [
            self._closer(self._in_other_octaves(each), 1, again=True) for each in closer[:1]
        ]
        best = self._compare([self._all_knobs(each) for each in (base, *closer)])
        pedals, after = self._finish(best)
        return Found(pedals=pedals, before=self.before, after=after, trials=self._counter.done)

    def _render(self, passages: Passages, slots: Sequence[Slot], positions: Floats) -> list[Signal]:
        return passages.through(pedals_at(slots, positions)).cut()

    def _sum(self, parts: Floats) -> float:
        return float((parts * self._scale) @ PART_WEIGHTS)

    def _led(self, parts: Floats) -> float:
        return float(np.log(parts * self._scale + NEAR) @ LOG_WEIGHTS)

    def _search(
        self,
        passages: Passages,
        slots: tuple[Slot, ...],
        start: Floats,
        steps: Floats,
        judged: Callable[[Floats], float] | None,
        seed: int | None = None,
    ) -> Evolution:
        """A search that is led by `judged`, or by log-mel statistics alone if that is None."""

        def cost(positions: Floats) -> float:
            out = self._render(passages, slots, positions)
            parts = self._aim.parts(out) if judged else np.array([self._aim.distance(out)])
            self._counter.count(float(parts[0]))
            return judged(parts) if judged else float(parts[0])

        return Evolution(cost, start, steps, self._seed if seed is None else seed)

    def _base(self) -> Candidate:
        found = []
        for slots in (CLEAN, DRIVEN):
            steps = WIDE * steps_of(slots)
            search = self._search(self._passages, slots, start_of(slots), steps, self._sum)
            search.run(round(self._budget * BASE_SHARE / 2))
            found.append(Candidate(slots=slots, held=np.zeros(0), search=search))
        clean, driven = found
        return driven if driven.cost < DRIVE_PAYS * clean.cost else clean

    def _movements(self, base: Candidate) -> list[Candidate]:
        """Each movement behind the amplifier as it was found, and behind a high-pass alone: an
        amplifier fitted without a movement has taken over some of what the movement does."""
        starts: list[tuple[tuple[Slot, ...], Floats]] = [(base.slots, base.positions)]
        if base.slots is CLEAN:
            starts.append(((), np.zeros(0)))
        trials = round(self._budget * KIND_SHARE / len(starts) / len(MOVEMENTS))
        starts_of = Starts(self._aim.passages, self._passages.cut())
        guesses = [starts_of.of(movement) for movement in MOVEMENTS]
        found = []
        for slots, positions in starts:
            prefix = self._passages.through(pedals_at(slots, positions))
            for movement, known in zip(MOVEMENTS, guesses, strict=True):
                turned = movement if slots else (CLEAN[0], *movement)
                steps = NARROW * steps_of(turned)
                search = self._search(prefix, turned, start_of(turned), steps, self._led)
                search.scatter(round(trials * SCATTERED), positions_of(turned, known))
                search.run(round(trials * (1 - SCATTERED)))
                found.append(Candidate(slots=(*slots, *turned), held=positions, search=search))
        return found

    def _closer(self, candidate: Candidate, shares: int, *, again: bool = False) -> Candidate:
        """The same in small steps by log-mel statistics alone; again: other, wider ones, because
        there are valleys a percent beside the right one."""
        turned = slots_from(candidate.slots, len(candidate.held))
        steps = small_steps(turned, NARROW) * (AGAIN if again else 1)
        trials = round(self._budget * CLOSER_SHARE / 2 / shares)
        return self._from(candidate, candidate.search.best, steps, trials, self._seed + again)

    def _in_other_octaves(self, candidate: Candidate) -> Candidate:
        """The same, or with an LFO that turns half or twice as fast if that comes nearer: levels
        may swing twice in a turn."""
        turned = slots_from(candidate.slots, len(candidate.held))
        steps = NARROW * steps_of(turned)
        trials = round(self._budget * OCTAVE_SHARE / len(OCTAVES))
        starts = (at_rate(turned, candidate.search.best, factor) for factor in OCTAVES)
        others = [
            self._from(candidate, start, steps, trials, self._seed)
            for start in starts
            if start is not None
        ]
        return min((candidate, *others), key=cost_of)

    def _from(
        self, candidate: Candidate, start: Floats, steps: Floats, trials: int, seed: int
    ) -> Candidate:
        """Search again from `start` by log-mel statistics alone; what is held stays."""
        held = pedals_at(candidate.slots, candidate.positions)
        turned = slots_from(candidate.slots, len(candidate.held))
        prefix = self._passages.through(held[: len(held) - len(turned)])
        search = self._search(prefix, turned, start, steps, None, seed)
        search.start()
        search.run(trials)
        return Candidate(slots=candidate.slots, held=candidate.held, search=search)

    def _all_knobs(self, candidate: Candidate) -> Candidate:
        """The same with nothing held, and with an amplifier if it has none."""
        slots, positions = candidate.slots, candidate.positions
        if slots[0] is CLEAN[0] and slots[1] is not CLEAN[1]:
            rest = start_of(CLEAN[1:])
            slots = (*CLEAN, *slots[1:])
            positions = np.concatenate([positions[:1], rest, positions[1:]])
        search = self._search(self._passages, slots, positions, small_steps(slots, NARROW), None)
        search.start()
        return Candidate(slots=slots, held=np.zeros(0), search=search)

    def _compare(self, candidates: list[Candidate]) -> Candidate:
        """Successive halving: trials for all candidates, then for the better half, ..."""
        rounds = len(candidates).bit_length()
        left = round(self._budget * (1 - LAST_SHARE)) - self._counter.done
        for _ in range(rounds):
            for each in candidates:
                each.search.run(max(left // rounds // len(candidates), 1))
            candidates = sorted(candidates, key=cost_of)
            candidates = candidates[: max(len(candidates) // 2, 1)]
        return candidates[0]

    def _finish(self, best: Candidate) -> tuple[tuple[Pedal, ...], float]:
        """Bring the best one a little closer; leave out pedals that do nothing."""
        steps = small_steps(best.slots, LAST)
        search = self._search(self._passages, best.slots, best.positions, steps, None)
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
