"""Whether the room half-way between two tones is one, or two at once: how a click dies away."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from morphsep.backends import BackendTraits, Passage
from morphsep.backends.perceptual import Warp
from morphsep.dsp import Decay, decay, octave_around, samples
from morphsep.morphing.recipe import Recipe

HZ = 500.0
"""The octave that is measured; others decay at rates of their own."""
LEVEL = -18.0
"""LUFS; the reference of the tones, so that a click meets no gain."""
AFTER = samples(0.06)
"""Samples from the loudest on, after which a room's own tail is left: reflections are over."""
ECHO = 0.5
"""Double slope below which an echo is louder than what decays before it: it says nothing then."""
STEPS = 8
"""Amounts that are told apart: each costs a morph that is as long as the tones ring."""


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """Decays at the amounts of a track, each measured once in a process."""

    recipe: Recipe
    """With tones that are matched to the stem (`ToneFit.matched`)."""
    warp: Warp

    def at(self, amount: float) -> Decay | None:
        """How what rings dies away at an amount, as it is asked for, or close to it; None where
        nothing rings, where an echo is louder than the room, and where a network morphs, to which a
        click means nothing."""
        if not self.recipe.ringing or BackendTraits.of(self.recipe.backend).device is not None:
            return None
        known, step = _known(self.recipe.warp_key), self._step(amount)
        if step not in known:
            known[step] = self._measured(step / STEPS)
        return known[step]

    def _step(self, amount: float) -> int:
        """The nearest step of what the backend is told; an amount in between is never an end, which
        is one room whatever the backend."""
        share = float(self.warp(np.full(1, amount, np.float32))[0])
        if share in (0, 1):
            return round(share) * STEPS
        return min(max(round(share * STEPS), 1), STEPS - 1)

    def _measured(self, amount: float) -> Decay | None:
        """Of a click in one channel, with as much silence around as frames and pedals look ahead:
        what came before it would be silence, too."""
        from scipy import fft

        _, after = self.recipe.backend.context(self.recipe.source, self.recipe.target)
        size = fft.next_fast_len(after + 1 + self.recipe.ringing + after, real=True)
        stem = np.zeros((1, size), np.float32)
        stem[:, after] = 1
        passage = Passage(
            stem=stem, start=0, amount=np.full(size, amount, np.float32), level=LEVEL,
            source_tone=self.recipe.source, target_tone=self.recipe.target,
        )  # fmt: skip
        heard = self.recipe.backend.morph([passage])[0]
        loudest = int(np.argmax(np.abs(heard[0])))
        # the octave first: its filter would carry the loud beginning of what is cut to its end
        octave = octave_around(heard, HZ)
        found = decay(octave[:, loudest + AFTER : size - after])
        return found if found is not None and found.double_slope > ECHO else None


@lru_cache(maxsize=64)
def _known(warp_key: str) -> dict[int, Decay | None]:
    """What this process has measured of a pair of matched tones, by steps."""
    return {}
