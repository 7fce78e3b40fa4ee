"""Keeps the loudness of the song, not of the stem.

An estimated stem is correlated with the rest of the mix, the morphed guitar hardly: to take out the
one and put in the other as loud makes the song quieter. So the morphed guitar gets the gain with
which the song is as loud as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from morphsep.dsp import MODEL_RATE, LoudnessMeter, SumLoudness, sections
from morphsep.morphing.change import Change, Read
from morphsep.morphing.estimate import EstimateFacts
from morphsep.morphing.mix import READ_BLOCK, MixView
from morphsep.morphing.recipe import Recipe

MOST_DB = 4.0
"""What would need more is too poor a stem: more of it would be heard as noise."""
NOTICED = 0.3
"""LU by which a song may come out louder or quieter without a word."""
GRID_DB = np.arange(-MOST_DB, MOST_DB + 0.25, 0.25).tolist()
"""Gains that are tried first, since more is not always louder: with a tone that inverts the
polarity, or a stem that is the rest's opposite, some gain makes the two cancel."""
HALVINGS = 16
"""Of a step between two of them: to 4e-6 dB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SongTrim:
    """What keeps a song's loudness."""

    gain_db: float = 0.0
    """Gain of the morphed guitar at the largest amount that is asked for."""
    missed: float = 0.0
    """By how many LU the song still becomes louder."""

    @property
    def warning(self) -> str | None:
        """A sentence, if the song does not stay as loud as it was."""
        if abs(self.missed) <= NOTICED:
            return None
        how = "louder" if self.missed > 0 else "quieter"
        return (
            f"the song comes out {abs(self.missed):.1f} LU {how}, and no gain of its morphed "
            f"guitar up to {MOST_DB:g} dB mends that: the stem holds too much of other instruments"
        )


def change_of(
    mix: MixView, recipe: Recipe, estimate: EstimateFacts, stem: Read, delta: Read
) -> tuple[Change, SongTrim]:
    """What is added to the mix of an estimated stem, and how the song keeps its loudness."""
    share = estimate.holding(recipe.ringing).share if recipe.settings.protect else None
    change = Change(recipe=recipe, stem=stem, delta=delta, share=share)
    return (change, SongTrim()) if recipe.amount.is_zero else trimmed(mix, change)


def trimmed(mix: MixView, change: Change) -> tuple[Change, SongTrim]:
    """The change of a whole song with the gain that keeps the song's loudness, and how it does."""
    trim = _measured(mix, change)
    return replace(change, gain_db=trim.gain_db), trim


def _measured(mix: MixView, change: Change) -> SongTrim:
    before = LoudnessMeter(MODEL_RATE, mix.num_channels)
    after = SumLoudness(MODEL_RATE, mix.num_channels)
    changes = False
    for span in sections(mix.num_samples, READ_BLOCK):
        block = mix.read(span.start, span.num_samples)
        out, into = change.parts(span.start, span.num_samples)
        before.add(block)
        after.add(block - out, into, change.curve(span.start, span.num_samples))
        changes = changes or bool(np.any(out != into))
    return _solved(before.integrated(), after) if changes else SongTrim()


def _solved(wanted: float, after: SumLoudness) -> SongTrim:
    """The smallest gain with the wanted loudness in LUFS; without one, what comes nearest to it."""

    def missed(gain_db: float) -> float:
        return after.integrated(gain_db) - wanted

    if not np.isfinite(missed(0.0)):
        return SongTrim()  # before or after it is below what counts at all
    tried = [SongTrim(gain_db=gain_db, missed=missed(gain_db)) for gain_db in GRID_DB]
    steps = [(low, high) for low, high in pairwise(tried) if (low.missed < 0) != (high.missed < 0)]
    if not steps:
        return min(tried, key=lambda trim: (abs(trim.missed), abs(trim.gain_db)))
    gain_db = _crossing(missed, *min(steps, key=lambda ends: abs(sum(e.gain_db for e in ends))))
    return SongTrim(gain_db=gain_db, missed=missed(gain_db))


def _crossing(missed: Callable[[float], float], first: SongTrim, last: SongTrim) -> float:
    """The gain between two at which what is missed changes its sign, by bisection."""
    low, high = first.gain_db, last.gain_db
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        same = (missed(middle) < 0) == (first.missed < 0)
        low, high = (middle, high) if same else (low, middle)
    return (low + high) / 2
