"""Renders voices (one channel of one chunk each): in batches, and with moving amounts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from morphsep.backends.diffusion.batches import batched
from morphsep.backends.diffusion.inversion import looks_like_noise
from morphsep.backends.diffusion.render import Renderer, along_the_arc, with_statistics_of
from morphsep.dsp import Signal

if TYPE_CHECKING:
    import torch

STEP = 0.05
"""Amounts closer than this need no other rendered between them."""
NOT_NOISE = (
    "some inverted latents do not look like noise (variance outside 0.9-1.1): "
    "more steps, or adapters of these tones, bring the ends closer"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Voice:
    """One channel of a passage as the model's input."""

    source: Signal
    """``[640 F]`` at 16 kHz, at the model's level."""
    target: Signal
    amounts: Signal
    """``[F]``: one for each latent frame."""
    warn: Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ends:
    """Voices of one length in the latent space."""

    source: torch.Tensor
    """``[B, 8, F, 16]``, as encoded."""
    target: torch.Tensor
    noises: tuple[torch.Tensor, torch.Tensor]
    """Inverted noise of both."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rendering:
    """A renderer and the settings for rendering voices."""

    renderer: Renderer
    batch: int
    most: int
    """Most amounts at which a voice is rendered."""
    adain: bool

    def sounds(self, voices: Sequence[Voice]) -> list[Signal]:
        """Each voice morphed, ``[640 F]`` at 16 kHz. Those of one length share batches."""
        import torch

        made: dict[int, Signal] = {}
        with torch.no_grad():
            for length in sorted({len(voice.source) for voice in voices}):
                indices = [i for i, voice in enumerate(voices) if len(voice.source) == length]
                made.update(zip(indices, self._alike([voices[i] for i in indices]), strict=True))
        return [made[i] for i in range(len(voices))]

    def _alike(self, voices: Sequence[Voice]) -> Signal:
        """``[B, T]`` of voices of one length."""
        import torch

        ends = self._ends(voices)
        latents = torch.from_numpy(self._latents(voices, ends)).to(ends.source)
        decode = partial(self.renderer.model.decode, num_samples=len(voices[0].source))
        sound: Signal = self._run(decode, voices, latents).cpu().numpy()
        return sound

    def _ends(self, voices: Sequence[Voice]) -> Ends:
        import torch

        source, target = (
            self._run(self.renderer.model.encode, voices, torch.from_numpy(np.stack(sounds)))
            for sounds in ([v.source for v in voices], [v.target for v in voices])
        )
        first, second = (
            self._run(partial(self.renderer.invert, end=end), voices, latents)
            for end, latents in ((0.0, source), (1.0, target))
        )
        if self.renderer.steps:
            for i, voice in enumerate(voices):
                if not (looks_like_noise(first[i]) and looks_like_noise(second[i])):
                    voice.warn(NOT_NOISE)
        return Ends(source=source, target=target, noises=(first, second))

    def _latents(self, voices: Sequence[Voice], ends: Ends) -> Signal:
        """``[B, 8, F, 16]``, each frame at its own amount."""
        wanted = [rendered_amounts(voice.amounts, self.most) for voice in voices]
        made: list[dict[float, Signal]] = [{} for _ in voices]
        for amount in sorted({level for levels in wanted for level in levels}):
            rows = [i for i, levels in enumerate(wanted) if amount in levels]
            for i, latents in zip(rows, self._at(voices, ends, rows, amount), strict=True):
                made[i][amount] = latents
        return np.stack(
            [
                blended([made[i][level] for level in levels], levels, voices[i].amounts)
                for i, levels in enumerate(wanted)
            ]
        )

    def _at(self, voices: Sequence[Voice], ends: Ends, rows: list[int], amount: float) -> Signal:
        """``[len(rows), 8, F, 16]``: these voices at one amount."""
        first, second = ends.noises
        noise = along_the_arc(first[rows], second[rows], amount)
        sampled = self._run(partial(self.renderer.sample, amount=amount), voices, noise)
        latents: Signal = sampled.cpu().numpy()
        if not self.adain:
            return latents
        both = zip(ends.source[rows].cpu().numpy(), ends.target[rows].cpu().numpy(), strict=True)
        return np.stack(
            [with_statistics_of(z, ends, amount) for z, ends in zip(latents, both, strict=True)]
        )

    def _run(
        self, work: Callable[..., torch.Tensor], voices: Sequence[Voice], stack: torch.Tensor
    ) -> torch.Tensor:
        return batched(work, stack, self.batch, voices[0].warn)


def rendered_amounts(amounts: Signal, most: int) -> list[float]:
    """The amounts at which a voice with `amounts` ``[F]`` by frame is rendered: its only one, or
    else enough for steps of `STEP`, but no more than `most`, evenly over the range (its middle if
    `most` is 1).

    >>> rendered_amounts(np.array([0.25, 0.75, 0.5]), 3)
    [0.25, 0.5, 0.75]
    """
    low, high = float(amounts.min()), float(amounts.max())
    if low == high:
        return [low]
    if most == 1:
        return [(low + high) / 2]
    enough = 1 + int(np.ceil((high - low) / STEP))
    levels: list[float] = np.linspace(low, high, max(2, min(most, enough))).tolist()
    return levels


def blended(rendered: Sequence[Signal], at: Sequence[float], amounts: Signal) -> Signal:
    """Latents ``[8, F, 16]`` with the amount of each frame ``[F]``: linear between the two of
    `rendered` whose amounts (`at`, ascending) lie next to it."""
    mixed = np.zeros_like(rendered[0])
    for latents, only in zip(rendered, np.eye(len(at)), strict=True):
        share = np.interp(amounts, at, only).astype(np.float32)
        mixed += share[None, :, None] * latents
    return mixed
