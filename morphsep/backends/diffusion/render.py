"""Latents of two ends -> latents in between: the recipe of the papers, on one loaded model.

SoundMorpher (arXiv 2410.02144) for inversion, text and guidance; "Guitar Tone Morphing by
Diffusion-based Model" (arXiv 2510.07908), section III-D, for the variants and AdaIN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from morphsep.backends.diffusion import inversion as ddim
from morphsep.backends.diffusion.adapters import Network
from morphsep.backends.diffusion.model import Conditioning, Model
from morphsep.dsp import Signal, adain, angle_between, lerp, slerp

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Renderer:
    """A model with everything that determines the latents between two ends."""

    model: Model
    conditional: Network
    unconditional: Network
    source: Conditioning
    target: Conditioning
    negative: Conditioning
    steps: int
    guidance: tuple[float, float]
    """At both ends, in the middle."""

    def invert(self, latents: torch.Tensor, end: float) -> torch.Tensor:
        """The inverted noise of ``[B, 8, F, 16]`` with the adapter and embedding of an end (0 or
        1), at guidance 1; without steps the latents themselves."""
        if not self.steps:
            return latents
        predict = self._predictor(self.conditional, self.text(end), end)
        return ddim.invert(self.model.scheduler_config, predict, latents, self.steps)

    def sample(self, noise: torch.Tensor, amount: float) -> torch.Tensor:
        """The latents ``[B, 8, F, 16]`` sampled from `noise` at `amount`."""
        if not self.steps:
            return noise
        predict = ddim.guided(
            self._predictor(self.conditional, self.text(amount), amount),
            self._predictor(self.unconditional, self.negative, amount),
            ddim.guidance_at(amount, *self.guidance),
        )
        return ddim.sample(self.model.scheduler_config, predict, noise, self.steps)

    def text(self, amount: float) -> Conditioning:
        """Linear between the embeddings of both ends, exact at 0 and 1."""
        return Conditioning(
            prompt_embeds=_between(self.source.prompt_embeds, self.target.prompt_embeds, amount),
            generated_prompt_embeds=_between(
                self.source.generated_prompt_embeds, self.target.generated_prompt_embeds, amount
            ),
            attention_mask=self.source.attention_mask,
        )

    def _predictor(self, network: Network, text: Conditioning, amount: float) -> ddim.Predict:
        unet = network.at(amount)
        return lambda latents, timestep: self.model.noise_prediction(unet, latents, timestep, text)


def _between(source: torch.Tensor, target: torch.Tensor, amount: float) -> torch.Tensor:
    return (1 - amount) * source + amount * target


def along_the_arc(source: torch.Tensor, target: torch.Tensor, amount: float) -> torch.Tensor:
    """Spherical interpolation of ``[B, 8, F, 16]``, with one angle over all of each item, as
    SoundMorpher and DiffMorpher take it."""
    import torch

    both = zip(source.cpu().numpy(), target.cpu().numpy(), strict=True)
    made = [slerp(a, b, amount, angle_between(a, b)) for a, b in both]
    return torch.from_numpy(np.stack(made)).to(source)


def with_statistics_of(latents: Signal, ends: tuple[Signal, Signal], amount: float) -> Signal:
    """AdaIN of latents ``[8, F, 16]``: mean and deviation of each channel move linearly from one
    end's to the other's."""
    mean, std = _statistics(latents)
    new_mean, new_std = (lerp(a, b, amount) for a, b in zip(*map(_statistics, ends), strict=True))
    flat = latents.reshape(len(latents), -1)
    return adain(flat, mean, std, new_mean, new_std).reshape(latents.shape)


def _statistics(latents: Signal) -> tuple[Signal, Signal]:
    """Mean and standard deviation of each channel, ``[8, 1]`` each."""
    flat = latents.reshape(len(latents), -1).astype(np.float64)
    return flat.mean(axis=1, keepdims=True), flat.std(axis=1, keepdims=True)
