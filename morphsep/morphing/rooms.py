"""Whether the room half-way between two tones is one, or two at once: how a click dies away."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from morphsep.backends import BackendTraits, Passage
from morphsep.backends.perceptual import Warp
from morphsep.dsp import MODEL_RATE, Decay, decay, octave_around, samples
from morphsep.morphing.recipe import Recipe

HZ = 500.0
"""The octave that is measured; others decay at rates of their own."""
LEVEL = -18.0
"""LUFS; the reference of the tones, so that a click meets no gain."""
AFTER = samples(0.06)
"""Samples from the loudest on, after which a room's own tail is left: reflections are over."""
ECHO = 0.5
"""Double slope below which an echo is louder than what decays before it: it says nothing then."""
STEPS = 32
"""Amounts between 0 and 1 that are told apart."""


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """Decays at the amounts of a track, each measured once."""

    recipe: Recipe
    """With tones that are matched to the stem (`ToneFit.matched`)."""
    warp: Warp
    _known: dict[int, Decay | None] = field(default_factory=dict, init=False)

    def at(self, amount: float) -> Decay | None:
        """How what rings dies away at an amount, as it is asked for; None where nothing rings,
        where an echo is louder than the room, and where a network morphs, to which a click means
        nothing."""
        if not self.recipe.ringing or BackendTraits.of(self.recipe.backend).device is not None:
            return None
        step = round(amount * STEPS)
        if step not in self._known:
            self._known[step] = self._measured(step / STEPS)
        return self._known[step]

    def _measured(self, amount: float) -> Decay | None:
        before, after = self.recipe.backend.context(self.recipe.source, self.recipe.target)
        stem = np.zeros((2, before + self.recipe.ringing + after + MODEL_RATE), np.float32)
        stem[:, before] = 1
        amounts = self.warp(np.full(stem.shape[1], amount, np.float32))
        passage = Passage(
            stem=stem, start=0, amount=amounts, level=LEVEL,
            source_tone=self.recipe.source, target_tone=self.recipe.target,
        )  # fmt: skip
        heard = self.recipe.backend.morph([passage])[0]
        loudest = int(np.argmax(np.abs(heard).max(axis=0)))
        # the octave first: its filter would carry the loud beginning of what is cut to its end
        octave = octave_around(heard, HZ)
        found = decay(octave[:, loudest + AFTER : stem.shape[1] - after])
        return found if found is not None and found.double_slope > ECHO else None
