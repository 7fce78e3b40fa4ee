"""Keeps the loudness of the song, not of the stem.

An estimated stem is correlated with the rest of the mix, the morphed guitar hardly: to take out the
one and put in the other as loud makes the song quieter, by 1 to 2 LU for `embedded` and a
distortion. So the morphed guitar gets the gain with which the song is as loud as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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
STEPS = 20
"""Halvings of the gains between none and the most: to 4e-6 dB."""


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
            f"the song comes out {abs(self.missed):.1f} LU {how}, though its morphed guitar was "
            f"changed by {MOST_DB:g} dB: the stem holds too much of the other instruments"
        )


def change_of(
    mix: MixView, recipe: Recipe, estimate: EstimateFacts, stem: Read, delta: Read
) -> tuple[Change, SongTrim]:
    """What is added to the mix of an estimated stem, and how the song keeps its loudness."""
    share = estimate.share if recipe.settings.protect else None
    change = Change(recipe=recipe, stem=stem, delta=delta, share=share)
    return (change, SongTrim()) if recipe.curve.is_zero else trimmed(mix, change)


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
    """What comes nearest to the wanted loudness in LUFS, by bisection."""

    def missed(gain_db: float) -> float:
        return after.integrated(gain_db) - wanted

    first = missed(0.0)
    if not np.isfinite(first):
        return SongTrim()  # before or after it is below what counts at all
    near, far = 0.0, MOST_DB if first < 0 else -MOST_DB
    if missed(far) * first > 0:
        return SongTrim(gain_db=far, missed=missed(far))
    for _ in range(STEPS):
        middle = (near + far) / 2
        near, far = (middle, far) if missed(middle) * first > 0 else (near, middle)
    return SongTrim(gain_db=near, missed=missed(near))
