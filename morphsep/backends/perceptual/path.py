"""The way from one tone to the other as it is heard, known by some morphs on it.

Two readings of a morph's place differ where the sound moves sideways (a flanger's sweep): its
*position* d0 / (d0 + d1) between both ends (SoundMorpher, arXiv 2410.02144) stands still there, and
equal steps of it hold one large step of the sound; its *arc length*, the way from the source over
all morphs between, has equal steps and may be far from the position. `Path.places` keeps to the
position where its steps allow, and else to the nearest that has none above 1 / `EVEN` of the mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from morphsep.backends.perceptual.scale import Heard

EVEN = 0.8
"""Least slope of the place over the arc length, both from 0 to 1."""
SAME_TONE_DB = 0.1
"""Distance of two tones below which they sound the same."""
MOST_DB = 6.0
"""Largest gain of a knot; a larger difference is intended, or silence."""
APART = 1e-4
"""Amounts, and places, closer than this are not told apart."""


@dataclass(slots=True, kw_only=True, eq=False)
class Path:
    """Morphs by amount, both ends (0 and 1) among them."""

    heard: dict[float, Heard]
    between: dict[tuple[float, float], float] = field(default_factory=dict, init=False)
    """Distances that were measured."""

    @property
    def amounts(self) -> list[float]:
        """In ascending order."""
        return sorted(self.heard)

    @property
    def inner(self) -> list[float]:
        """Without both ends."""
        return self.amounts[1:-1]

    @property
    def is_point(self) -> bool:
        """Whether both ends sound the same."""
        return self.distance(0.0, 1.0) < SAME_TONE_DB

    @property
    def bend(self) -> float:
        """Length over the distance of both ends: 1 where the way is straight, as far as known."""
        return sum(self._steps()) / self.distance(0.0, 1.0)

    def distance(self, a: float, b: float) -> float:
        """Of two of the morphs, in dB."""
        if (a, b) not in self.between:
            self.between[a, b] = self.heard[a].distance(self.heard[b])
        return self.between[a, b]

    def places(self) -> np.ndarray:
        """Perceived amount of each morph, in order: 0 ... 1, increasing wherever the sound moves.

        With x the arc length and p the position, the sequence nearest to p whose slope over x is
        `EVEN` at least.
        """
        ends = np.array([[self.distance(end, a) for a in self.amounts] for end in (0.0, 1.0)])
        lengths = np.cumsum([0.0, *self._steps()])
        even = EVEN * lengths / lengths[-1]
        rest = isotonic(ends[0] / ends.sum(axis=0) - even)
        places: np.ndarray = even + np.clip(rest, 0.0, 1.0 - EVEN)
        return places

    def gains_db(self, places: np.ndarray) -> list[float]:
        """What makes each morph as loud as the straight line in dB between both ends; 0 where an
        end is silent."""
        lufs = np.array([self.heard[amount].lufs for amount in self.amounts])
        if not np.isfinite([lufs[0], lufs[-1]]).all():
            return [0.0] * len(lufs)
        wanted = lufs[0] + places * (lufs[-1] - lufs[0])
        gains: list[float] = np.clip(wanted - lufs, -MOST_DB, MOST_DB).tolist()
        return gains

    def largest_gap(self, enough: float) -> float | None:
        """Amount in the middle of the largest step; None if all are small ``enough``."""
        places = self.places()
        gaps = [
            (float(places[i + 1] - places[i]), (a + b) / 2)
            for i, (a, b) in enumerate(pairwise(self.amounts))
            if b - a > APART
        ]
        gap, middle = max(gaps, default=(0.0, 0.0))
        return middle if gap > enough else None

    def add(self, amount: float, hear: Callable[[float], Heard]) -> None:
        """Goes there and hears."""
        self.heard[amount] = hear(amount)

    def _steps(self) -> list[float]:
        return [self.distance(a, b) for a, b in pairwise(self.amounts)]


def isotonic(values: np.ndarray) -> np.ndarray:
    """Nearest non-decreasing sequence in the least-squares sense (pool adjacent violators)."""
    pools: list[tuple[float, int]] = []
    for value in values.tolist():
        pools.append((value, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, m), (b, n) = pools.pop(-2), pools.pop()
            pools.append(((a * m + b * n) / (m + n), m + n))
    return np.repeat([value for value, _ in pools], [count for _, count in pools])
