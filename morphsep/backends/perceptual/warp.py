"""Perceptual reparametrisation: equal steps of the amount sound like equal steps, equally loud.

A backend's own amount is a physical quantity (dB of drive, dB of a partial), and half of it rarely
sounds like half way. ``measure`` renders excerpts of the stem at a few amounts, takes the mel
position of each and inverts the map: SoundMorpher's uniform sampling (arXiv 2410.02144), with one
interpolated map in place of a bisection per point; a constant amount needs only its own point. A
sound between two tones may also be softer or louder than both: the map includes a gain. It is
measured once per tone pair or track, never per chunk: it must not change in the middle of a song.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from morphsep.backends.backend import Backend, Passage
from morphsep.backends.perceptual.scale import Scale
from morphsep.dsp import Signal
from morphsep.tones import Tone

Located = tuple[float, float]
"""Position of a morph, and the gain in dB that it needs there."""

ENDS: dict[float, Located] = {0.0: (0.0, 0.0), 1.0: (1.0, 0.0)}
"""Amounts whose place is known."""

NEAR = 0.02
"""Error in position with which the search for one amount ends."""

MOST_STEPS = 8
"""Morphs that the search for one amount may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Warp:
    """Perceived amount -> the backend's amount: monotone, continuous, piecewise linear, 0 to 0 and
    1 to 1."""

    positions: tuple[float, ...] = (0.0, 1.0)
    """Perceived amounts at the knots, increasing from 0 to 1."""
    amounts: tuple[float, ...] = (0.0, 1.0)
    """The backend's amounts there, increasing from 0 to 1."""
    gains_db: tuple[float, ...] = ()
    """Gain after the backend there, 0 at both ends; empty: no gain anywhere."""

    def __call__(self, amount: Signal) -> Signal:
        """Curve ``[T]`` in [0, 1] -> curve ``[T]`` in [0, 1]."""
        if len(self.positions) == 2:
            return amount
        return np.interp(amount, self.positions, self.amounts).astype(np.float32)

    def gain(self, amount: Signal) -> Signal:
        """Perceived amount ``[T]`` -> the linear gain ``[T]`` that its morph needs to be as loud as
        the straight line in dB between both ends; exactly 1 where the amount is 0 or 1."""
        if not any(self.gains_db):
            return np.ones_like(amount)
        decibels = np.interp(amount, self.positions, self.gains_db)
        return np.power(10.0, decibels / 20).astype(np.float32)

    def to_json(self) -> dict[str, list[float]]:
        """In JSON's own types."""
        return {
            "positions": list(self.positions),
            "amounts": list(self.amounts),
            "gains_db": list(self.gains_db),
        }

    @classmethod
    def from_json(cls, knots: Mapping[str, Sequence[float]]) -> Warp:
        """The inverse of ``to_json``; knots written before gains existed have none."""
        return cls(
            positions=tuple(knots["positions"]),
            amounts=tuple(knots["amounts"]),
            gains_db=tuple(knots.get("gains_db", ())),
        )


def measure(
    backend: Backend,
    source_tone: Tone,
    target_tone: Tone,
    excerpts: Sequence[tuple[Signal, int]],
    level: float,
    *,
    num_points: int = 9,
    amount: float | None = None,
    with_context: bool = False,
    facts: Mapping[str, Any] | None = None,
) -> Warp:
    """Find the warp that makes a backend's amount perceptually uniform for a pair of tones.

    Args:
        excerpts: of the stem, ``[C, T]`` at 44.1 kHz, and the song's sample at which each starts:
            as from ``dsp.excerpts``. They count as one.
        level: integrated loudness of the whole stem in LUFS.
        num_points: most amounts to render; each halves the largest step that remains.
        amount: between 0 and 1; the only perceived amount that is asked of the warp, which is then
            right there and a straight line elsewhere: a third of the work. None: any.
        with_context: whether each excerpt has the backend's context on both sides, which does not
            count. Without it the part that has not settled is left out, if at least half has.
        facts: the backend's measurements of the track.

    Raises:
        SettingError: the backend cannot morph this pair.
    """
    context = backend.context(source_tone, target_tone)
    passages = [
        Passage(
            stem=stem,
            start=start,
            amount=np.zeros(stem.shape[1], np.float32),
            source_tone=source_tone,
            target_tone=target_tone,
            level=level,
            facts=facts or {},
        )
        for stem, start in excerpts
    ]
    if not passages:
        return Warp()
    scale = Scale.between(passages, context, with_context)
    if scale.same:
        return Warp()

    def locate(at: float) -> Located:
        return scale.locate(backend.morph([at_amount(passage, at) for passage in passages]))

    return searched(locate, num_points) if amount is None else solved(locate, amount)


def searched(locate: Callable[[float], Located], num_points: int) -> Warp:
    """Measures amounts where the largest step is left, up to a number of them."""
    points = dict(ENDS)
    while len(points) < num_points + 2 and (amount := largest_gap(points)) is not None:
        points[amount] = locate(amount)
    return invert(points)


def solved(locate: Callable[[float], Located], wanted: float) -> Warp:
    """The warp with one knot, at the amount whose position is nearest to ``wanted``."""
    from scipy.optimize import brentq

    points = dict(ENDS)

    def error(amount: float) -> float:
        if amount not in points:
            points[amount] = locate(amount)
        off = points[amount][0] - wanted
        return 0.0 if amount not in ENDS and abs(off) <= NEAR else off

    brentq(error, 0.0, 1.0, xtol=1e-6, maxiter=MOST_STEPS, disp=False)
    best = min(points.keys() - ENDS.keys(), key=lambda amount: abs(error(amount)))
    gain_db = points[best][1]
    return Warp(
        positions=(0.0, wanted, 1.0), amounts=(0.0, best, 1.0), gains_db=(0.0, gain_db, 0.0)
    )


def at_amount(passage: Passage, amount: float) -> Passage:
    """The same passage at a constant amount; ends that are rendered already are kept."""
    moved = replace(passage, amount=np.full_like(passage.amount, amount))
    rendered = {name: x for name, x in vars(passage).items() if name in ("source", "target")}
    vars(moved).update(rendered)
    return moved


def largest_gap(points: dict[float, Located], enough: float = 0.15) -> float | None:
    """Amount in the middle of the largest step in position; None if all are small ``enough``
    or too close in amount to matter."""
    amounts = sorted(points)
    gaps = [
        (abs(points[b][0] - points[a][0]), (a + b) / 2)
        for a, b in pairwise(amounts)
        if b - a > 1e-3
    ]
    gap, middle = max(gaps, key=lambda each: each[0])
    return middle if gap > enough else None


def invert(points: dict[float, Located]) -> Warp:
    """Measured (amount -> position, gain) as a warp (position -> amount, gain)."""
    amounts = np.array(sorted(points))
    measured, gains = np.array([points[amount] for amount in sorted(points)]).T
    positions = isotonic(measured)
    kept = np.flatnonzero(np.diff(positions, prepend=-1.0) > 1e-3)
    kept = kept[(positions[kept] < 1 - 1e-3) & (positions[kept] > 1e-3)]
    return Warp(
        positions=(0.0, *positions[kept].tolist(), 1.0),
        amounts=(0.0, *amounts[kept].tolist(), 1.0),
        gains_db=(0.0, *gains[kept].tolist(), 0.0),
    )


def isotonic(values: np.ndarray) -> np.ndarray:
    """Nearest non-decreasing sequence in the least-squares sense (pool adjacent violators)."""
    pools: list[tuple[float, int]] = []
    for value in values.tolist():
        pools.append((value, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, m), (b, n) = pools.pop(-2), pools.pop()
            pools.append(((a * m + b * n) / (m + n), m + n))
    return np.repeat([value for value, _ in pools], [count for _, count in pools])
