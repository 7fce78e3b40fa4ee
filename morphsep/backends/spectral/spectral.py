"""Morphs any two sounds without weights: ``morphsep.backends.spectral.blend`` says how, and
``morphsep.backends.spectral.transport`` for sounds of different notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from morphsep.backends.backend import Passage
from morphsep.backends.ends import both_contexts, exact_ends
from morphsep.backends.spectral.blend import LOOKBACK, Blend
from morphsep.backends.spectral.phase import phase_between
from morphsep.backends.spectral.transport import transport
from morphsep.dsp import MODEL_RATE, FrameGrid, Signal, erb_bands
from morphsep.tones import Tone, ToneTraits

MEMORY = MODEL_RATE
"""Samples of context between different notes: most seconds contain an attack, after which two
overlapping passages agree about phases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectral:
    """Moves each partial's and each band's level in dB, with coherent phase and whole transients.

    Any amount curve, any number of channels; exact where the amount is 0 and where it is 1.
    """

    n_fft: int = 2048
    hop: int = 512
    num_bands: int = 48

    @property
    def name(self) -> str:
        return "spectral"

    @property
    def description(self) -> str:
        return "Any two time-aligned sounds: partials and envelope move in dB; no weights."

    @property
    def licence(self) -> str:
        return "Apache-2.0"

    def fingerprint(self) -> str:
        return f"spectral/2 n_fft={self.n_fft} hop={self.hop} bands={self.num_bands}"

    def context(self, source: Tone, target: Tone) -> tuple[int, int]:
        before, after = both_contexts(source, target)
        before += self.n_fft + LOOKBACK * self.hop
        return before + (0 if same_notes(source, target) else MEMORY), after + self.n_fft

    def morph(self, passages: Sequence[Passage]) -> list[Signal]:
        return [self._morph(each) for each in passages]

    def _morph(self, passage: Passage) -> Signal:
        source, target = passage.source, passage.target
        if not same_notes(passage.source_tone, passage.target_tone):
            moved = transport(
                source, target, passage.amount, passage.start, n_fft=self.n_fft, hop=self.hop
            )
            return exact_ends(moved, passage)
        grid = FrameGrid(
            start=passage.start, num_samples=source.shape[1], n_fft=self.n_fft, hop=self.hop
        )
        amounts = grid.averages(passage.amount)
        sounds = grid.pad(source), grid.pad(target)
        morphed = np.zeros_like(sounds[0])
        blend = Blend(
            bands=erb_bands(self.n_fft, self.num_bands),
            phase=phase_between(
                passage.source_tone, passage.target_tone, self.n_fft, self.num_bands
            ),
        )
        for block in grid.blocks():
            spectra = [grid.analyse(sound, block) for sound in sounds]
            grid.add(morphed, blend(spectra[0], spectra[1], amounts[block]), block)
        return exact_ends(grid.crop(morphed), passage)


def same_notes(source: Tone, target: Tone) -> bool:
    """Whether both tones play the stem's notes, as all do that do not say otherwise."""
    return all(ToneTraits.of(tone).same_notes for tone in (source, target))
