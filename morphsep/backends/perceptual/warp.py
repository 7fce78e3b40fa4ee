"""Perceptual reparametrisation: equal steps of the amount sound like equal steps, equally loud.

A backend's own amount is a physical quantity (dB of drive, dB of a partial), and half of it rarely
sounds like half way. ``measure`` renders excerpts of the stem at a few amounts, finds the place of
each (`Path`) and inverts the map: SoundMorpher's uniform sampling (arXiv 2410.02144), with one
interpolated map in place of a bisection per point; a constant amount needs only its own point. A
sound between two tones may also be softer or louder than both: the map includes a gain. It is
measured once per tone pair or track, never per chunk: it must not change in the middle of a song.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from morphsep.backends.backend import Backend, Passage
from morphsep.backends.perceptual.path import APART, Path
from morphsep.backends.perceptual.scale import Heard, Scale
from morphsep.dsp import Signal
from morphsep.tones import Tone

ENOUGH = 0.15
"""Steps between the knots of a whole map that are not halved."""

MOST_POINTS = 16
"""Morphs that a whole map may take."""

NEAR = 0.02
"""Error in place with which the search for one amount ends."""

MOST_STEPS = 8
"""Morphs that the search for one amount may take."""

BENT = 1.2
"""`Path.bend` from which on arc length and position differ."""

COARSE = 0.35
"""Steps along a bent path that measure it well enough for one amount."""


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
    num_points: int = MOST_POINTS,
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
    scale, source, target = Scale.between(passages, context, with_context)
    path = Path(heard={0.0: source, 1.0: target})
    if path.is_point:
        return Warp()

    def hear(at: float) -> Heard:
        return scale.hear(backend.morph([passage.at(at) for passage in passages]))

    return searched(path, hear, num_points) if amount is None else solved(path, hear, amount)


def searched(path: Path, hear: Callable[[float], Heard], num_points: int) -> Warp:
    """The whole map: goes where the largest step is left, up to a number of times; most pairs need
    nine or fewer."""
    while len(path.inner) < num_points and (amount := path.largest_gap(ENOUGH)) is not None:
        path.add(amount, hear)
    places = path.places()
    gains_db, amounts = path.gains_db(places), path.amounts
    kept = [
        i for i, place in enumerate(places)
        if APART < place < 1 - APART and place - places[i - 1] > APART
    ]  # fmt: skip
    return Warp(
        positions=(0.0, *(float(places[i]) for i in kept), 1.0),
        amounts=(0.0, *(amounts[i] for i in kept), 1.0),
        gains_db=(0.0, *(gains_db[i] for i in kept), 0.0),
    )


def solved(path: Path, hear: Callable[[float], Heard], wanted: float) -> Warp:
    """The map with one knot, at the amount whose place is nearest to ``wanted``. Goes there first,
    however steep the knob; what is left of the steps measures a bent path, which may move it."""
    width = 2.0
    for _ in range(MOST_STEPS):
        amount: float | None
        if path.inner and off_by(path, wanted).min() <= NEAR:
            amount = path.largest_gap(COARSE) if path.bend > BENT else None
        else:
            amount, width = between(path, wanted, width)
        if amount is None or amount in path.heard:
            break
        path.add(amount, hear)
    best = int(off_by(path, wanted).argmin())
    gain_db = path.gains_db(path.places())[1:-1][best]
    return Warp(
        positions=(0.0, wanted, 1.0),
        amounts=(0.0, path.inner[best], 1.0),
        gains_db=(0.0, gain_db, 0.0),
    )


def off_by(path: Path, wanted: float) -> np.ndarray:
    """How far the place of each inner morph is from ``wanted``."""
    return np.abs(path.places()[1:-1] - wanted)


def between(path: Path, wanted: float, width: float) -> tuple[float, float]:
    """An amount nearer to ``wanted``, and the width of the step in which it lies: along the chord
    (regula falsi), or half way where the last such step, ``width``, was not halved by that."""
    places, amounts = path.places(), path.amounts
    right = int(np.clip(np.searchsorted(places, wanted), 1, len(amounts) - 1))
    low, high = amounts[right - 1], amounts[right]
    share = (wanted - places[right - 1]) / (places[right] - places[right - 1])
    if high - low > width / 2:
        share = 0.5
    return low + float(share) * (high - low), high - low
