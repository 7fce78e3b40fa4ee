"""Latent diffusion between two tones: AudioLDM2, with no, one-sided or two-sided LoRA.

The recipe of "Guitar Tone Morphing by Diffusion-based Model" (arXiv 2510.07908) for whole songs,
completed from SoundMorpher (arXiv 2410.02144) where the paper is silent. The model knows 16 kHz
mono: channels are morphed one by one, and everything above 8 kHz comes from the source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from morphsep.backends.backend import Passage
from morphsep.backends.diffusion.extra import check_installed
from morphsep.backends.diffusion.files import folder_of, identity
from morphsep.backends.diffusion.options import Options, adapters_of
from morphsep.backends.diffusion.passages import morphed, peak_of, window_of
from morphsep.backends.diffusion.setup import rendering
from morphsep.backends.diffusion.window import FRAME
from morphsep.backends.ends import both_contexts, crossfade, exact_ends
from morphsep.dsp import Signal
from morphsep.tones import Tone

CONTEXT = 16 * FRAME
"""0.64 s: with an 8 s chunk the U-Net sees little less than the 10.24 s it was trained on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diffusion(Options):
    """Inverts both tones' latents to noise, moves along the arc between, samples back.

    Nothing is random, so there is no seed: the noise is the inverted sound. A batch changes the
    result by rounding only. Amounts of 0 and 1 are the tones themselves.

    Raises:
        SettingError: a value is invalid, or a folder is not an adapter.
    """

    @property
    def name(self) -> str:
        return "diffusion"

    @property
    def description(self) -> str:
        return "AudioLDM2 at 16 kHz mono, latents inverted and interpolated, with or without LoRA."

    @property
    def licence(self) -> str:
        return "Apache-2.0 AND CC-BY-NC-SA-4.0"

    @property
    def uniform(self) -> bool:
        return False

    def fingerprint(self) -> str:
        adapters = [each.fingerprint() for each in adapters_of(self).values()]
        return (
            f"diffusion/1 {identity(self.weights)} lora={self.lora} {' '.join(adapters)} "
            f"steps={self.steps} guidance={self.guidance_min:g}-{self.guidance_max:g} "
            f"mix={self.mix} adain={self.has_adain} amount_steps={self.amount_steps} "
            f"highs={self.highs} paper_faithful={self.paper_faithful} "
            f"prompt={self.prompt!r} negative={self.negative_prompt!r}"
        )

    def fetch(self) -> None:
        """
        Raises:
            SettingError: the model cannot be fetched, or is none.
        """
        folder_of(self.weights, self.offline)

    def context(self, source: Tone, target: Tone) -> tuple[int, int]:
        check_installed("diffusers", "transformers", *(["peft"] if self.lora != "none" else []))
        before, after = both_contexts(source, target)
        return before + CONTEXT, after + CONTEXT

    def measure(self, passages: Sequence[Passage]) -> dict[str, Any]:
        """The peak that sets the model's input level, the same for all chunks."""
        return {"peak": peak_of(passages)}

    def morph(self, passages: Sequence[Passage]) -> list[Signal]:
        """
        Raises:
            SettingError: the model or an adapter cannot be fetched, or does not fit.
            TrackError: the device's memory does not hold one chunk.
        """
        done = {
            i: end for i, each in enumerate(passages) if (end := self._bypass(each)) is not None
        }
        rest = [i for i in range(len(passages)) if i not in done]
        if rest:
            made = morphed([passages[i] for i in rest], rendering(self))
            done.update(
                (i, self._finished(sound, passages[i])) for i, sound in zip(rest, made, strict=True)
            )
        return [done[i] for i in range(len(passages))]

    def _bypass(self, passage: Passage) -> Signal | None:
        """The tone itself where the amount is 0 or 1 throughout: nothing to render."""
        if not self.paper_faithful:
            for end, sound in ((0, "source"), (1, "target")):
                if np.all(passage.amount == end):
                    return np.array(getattr(passage, sound))
        return None

    def _finished(self, sound: Signal, passage: Passage) -> Signal:
        """Full band and exact ends, unless only the model's output is wanted."""
        if self.paper_faithful:
            return sound
        above = passage.source
        if self.highs == "blend":
            above = crossfade(passage.source, passage.target, passage.amount)
        return exact_ends(sound + window_of(passage).above(above), passage)
