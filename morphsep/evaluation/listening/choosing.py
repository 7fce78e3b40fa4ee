"""Which of the rendered sounds listeners hear: some items of each transition, some amounts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isclose

from morphsep.errors import SettingError
from morphsep.evaluation.listening.questions import QUESTIONS, Question
from morphsep.evaluation.sounds import Sound
from morphsep.storage import digest

BASELINE = "crossfade"
"""The backend that is always heard: an in-between that is none."""
LEAST_SECONDS = 0.5
MOST_SECONDS = 10.0
"""BS.1534-3: longer sounds are compared by memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a test is made of."""

    seed: int = 0
    amounts: Sequence[float] = (0.5,)
    items: int = 2
    """Most items of each transition; of different sources where there are several."""
    backends: Sequence[str] = ()
    """Empty: all that were rendered. The crossfade is always heard."""
    questions: Sequence[Question] = QUESTIONS
    seconds: float | None = None
    """Length of each sound; None: of the shortest item, at most `MOST_SECONDS`."""

    def asks_about(self, backend: str) -> bool:
        """Whether listeners hear this backend."""
        return not self.backends or backend in (BASELINE, *self.backends)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One pair of ends and what lies between, as far as the plan asks for it."""

    a: Sound
    b: Sound
    truths: Mapping[float, Sound]
    """By amount, as the plan writes it."""
    morphs: Mapping[float, Sequence[Sound]]

    @property
    def name(self) -> str:
        return self.a.item

    @property
    def sounds(self) -> list[Sound]:
        """All of them; the ends come first."""
        between = [sound for some in self.morphs.values() for sound in some]
        return [self.a, self.b, *self.truths.values(), *between]


def choose(sounds: Sequence[Sound], plan: Plan) -> list[Item]:
    """The items of a test, drawn by the plan's seed, sorted by transition and name.

    Raises:
        SettingError: the plan asks for what was not rendered.
    """
    _check_rendered(sounds, plan)
    by_transition = defaultdict(list)
    for _, rows in groupby(sorted(sounds, key=Sound.key), key=lambda sound: sound.item):
        item = _item(list(rows), plan)
        if item.morphs:
            by_transition[item.a.transition].append(item)
    return [
        item
        for _, items in sorted(by_transition.items())
        for item in sorted(_drawn(items, plan), key=lambda item: item.name)
    ]


def _check_rendered(sounds: Iterable[Sound], plan: Plan) -> None:
    morphs = [sound for sound in sounds if sound.role == "morph"]
    backends = sorted({sound.backend for sound in morphs})
    if lacking := [name for name in plan.backends if name not in backends]:
        raise SettingError(f"{lacking[0]} was not rendered; there are {', '.join(backends)}")
    amounts = sorted({sound.amount for sound in morphs if 0 < sound.amount < 1})
    for amount in plan.amounts:
        if not any(_same(amount, rendered) for rendered in amounts):
            there = ", ".join(f"{each:g}" for each in amounts) or "no in-betweens"
            raise SettingError(f"nothing was rendered at amount {amount:g}; there are {there}")


def _item(rows: Sequence[Sound], plan: Plan) -> Item:
    ends = {row.role: row for row in rows}
    truths: dict[float, Sound] = {}
    morphs: dict[float, list[Sound]] = defaultdict(list)
    for amount in plan.amounts:
        for row in rows:
            if not _same(row.amount, amount):
                continue
            if row.role == "truth":
                truths[amount] = row
            elif row.role == "morph" and plan.asks_about(row.backend):
                morphs[amount].append(row)
    return Item(a=ends["a"], b=ends["b"], truths=truths, morphs=morphs)


def _drawn(items: Sequence[Item], plan: Plan) -> list[Item]:
    """As many as wanted; no source comes twice before all have come once."""
    shuffled = sorted(items, key=lambda item: digest(plan.seed, item.name))
    turns: dict[str, int] = defaultdict(int)
    ranked = []
    for item in shuffled:
        ranked.append((turns[item.a.source], item))
        turns[item.a.source] += 1
    return [item for _, item in sorted(ranked, key=lambda pair: pair[0])][: plan.items]


def _same(one: float, other: float) -> bool:
    """Amounts that differ by rounding only (0.1 + 0.2)."""
    return isclose(one, other, abs_tol=1e-6)
