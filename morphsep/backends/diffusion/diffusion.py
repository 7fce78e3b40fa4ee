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
from morphsep.backends.diffusion.files import DEFAULT_WEIGHTS, check_place, identity, is_folder
from morphsep.backends.diffusion.passages import morphed, peak_of, window_of
from morphsep.backends.diffusion.setup import adapters_of, rendering
from morphsep.backends.diffusion.window import FRAME
from morphsep.backends.ends import both_contexts, crossfade, exact_ends
from morphsep.dsp import Signal
from morphsep.errors import SettingError
from morphsep.tones import Tone

CONTEXT = 16 * FRAME
"""0.64 s: with an 8 s chunk the U-Net sees little less than the 10.24 s it was trained on."""

LORA = ("auto", "none", "one-sided", "two-sided")
MIX = ("live", "diffmorpher")
ADAIN = ("auto", "on", "off")
HIGHS = ("source", "blend")


@dataclass(frozen=True, slots=True, kw_only=True)
class Diffusion:
    """Inverts both tones' latents to noise, moves along the arc between, samples back.

    Nothing is random, so there is no seed: the noise is the inverted sound. A batch changes the
    result by rounding only. Amounts of 0 and 1 are the tones themselves.

    Raises:
        SettingError: a value is invalid, or a folder is not an adapter.
    """

    weights: str = DEFAULT_WEIGHTS
    """Hub name, ``NAME@COMMIT``, or a folder in the hub's layout. SoundMorpher's base model."""
    lora: str = "auto"
    """``none``, ``one-sided`` (one LoRA for both ends) or ``two-sided`` (one for each): the three
    variants of arXiv 2510.07908, table I. ``auto`` is the adapter's, ``none`` without one."""
    adapter: str = ""
    """Folder written by ``morphsep lora train``. Its embeddings are used with lora=none, too: the
    paper's "w/o LoRA" is textual inversion only."""
    source_adapter: str = ""
    """Two-sided: folder whose source end is used, instead of `adapter`."""
    target_adapter: str = ""
    """Two-sided: folder whose target end is used, instead of `adapter`."""
    steps: int = 100
    """DDIM steps, each way: SoundMorpher's. 0: latents are interpolated without any diffusion, the
    literal reading of "w/o LoRA" in arXiv 2510.07908."""
    guidance_min: float = 1.5
    """Guidance at both ends: SoundMorpher's ``s_min``."""
    guidance_max: float = 4.0
    """Guidance at amount 0.5: SoundMorpher's ``s_max``; linear between."""
    prompt: str = "a audio clip of music composition."
    """For both ends, without an adapter's embeddings: SoundMorpher's, spelt as there."""
    negative_prompt: str = "low quality"
    """SoundMorpher's; an adapter has its own, the one used in training."""
    mix: str = "live"
    """How two adapters are mixed: ``live`` interpolates both U-Nets' parameters, ``diffmorpher``
    the factors, as in DiffMorpher's code (CVPR 2024); for comparison."""
    adain: str = "auto"
    """Whether each latent channel gets mean and deviation between those of both ends: ``auto`` is
    ``on`` for two-sided, as in arXiv 2510.07908, III-D, else ``off``."""
    amount_steps: int = 5
    """Most amounts at which a chunk is rendered where the amount moves within it, evenly spaced
    over its range there; latents in between are interpolated linearly. Ours."""
    highs: str = "source"
    """Above 8 kHz: the ``source``, or a ``blend`` of both tones by the amount. Ours."""
    paper_faithful: bool = False
    """Only the model's output: nothing above 8 kHz, no exact ends."""
    batch: int = 1
    """Channels of chunks at once. More than 1 is faster on a GPU only."""
    device: str = "auto"
    """``auto``, ``cpu``, ``cuda``, ``mps``."""
    offline: bool = False
    """Whether weights must already be on this machine."""

    def __post_init__(self) -> None:
        for name, known in (("lora", LORA), ("mix", MIX), ("adain", ADAIN), ("highs", HIGHS)):
            if getattr(self, name) not in known:
                raise SettingError(
                    f"{name} must be one of {', '.join(known)}, not {getattr(self, name)!r}"
                )
        if self.steps < 0 or self.amount_steps < 1 or self.batch < 1:
            raise SettingError("steps must be 0 or more, amount_steps and batch 1 or more")
        if not 1 <= self.guidance_min <= self.guidance_max:
            raise SettingError("guidance must satisfy 1 <= guidance_min <= guidance_max")
        if self.lora == "auto":
            variants = sorted({each.variant for each in adapters_of(self).values()})
            object.__setattr__(self, "lora", variants[0] if variants else "none")
        if self.mix == "diffmorpher" and self.lora != "two-sided":
            raise SettingError("mix=diffmorpher mixes two adapters: it needs lora=two-sided")
        check_place(self.weights)
        for each in adapters_of(self).values():
            # The content of a hub name is known only once it is fetched.
            if is_folder(self.weights):
                each.check_base(identity(self.weights))

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

    @property
    def has_adain(self) -> bool:
        """Whether latents get statistics between those of both ends."""
        return self.adain == "on" or (self.adain == "auto" and self.lora == "two-sided")

    def fingerprint(self) -> str:
        adapters = [each.fingerprint() for each in adapters_of(self).values()]
        return (
            f"diffusion/1 {identity(self.weights)} lora={self.lora} {' '.join(adapters)} "
            f"steps={self.steps} guidance={self.guidance_min:g}-{self.guidance_max:g} "
            f"mix={self.mix} adain={self.has_adain} amount_steps={self.amount_steps} "
            f"highs={self.highs} paper_faithful={self.paper_faithful} "
            f"prompt={self.prompt!r} negative={self.negative_prompt!r}"
        )

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
