"""The phases of a training: textual inversion of both clips, then the adapters.

Every phase minimises the mean squared error of the predicted noise. The noise, the timestep and the
excerpt of a step are a function of (seed, kind of phase, step), so both tones see the same ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from morphsep.backends.diffusion.lora import injection
from morphsep.backends.diffusion.lora.adapter import Role, Tone
from morphsep.backends.diffusion.training.loop import Phase
from morphsep.backends.diffusion.training.recipe import Recipe
from morphsep.errors import SettingError
from morphsep.storage import digest

if TYPE_CHECKING:
    import torch

    from morphsep.backends.diffusion.model import Conditioning, Model

CHECKS = 8
"""Draws in the fixed batch on which a phase is evaluated, before and after."""
NAME = "trained"
"""Name of the adapter in the U-Net during its training."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trainer:
    """A model, the excerpts of both clips as latents ``[N, 8, F, 16]``, and how to train."""

    model: Model
    latents: Mapping[Tone, torch.Tensor]
    recipe: Recipe

    @contextmanager
    def inversion(self, tone: Tone) -> Iterator[Phase]:
        """Textual inversion of one clip: both embeddings of the prompt are optimised."""
        import torch

        known = self.model.conditioning(self.recipe.prompt)
        embeddings = {
            name: getattr(known, name).detach().clone().float().requires_grad_(True)
            for name in ("prompt_embeds", "generated_prompt_embeds")
        }
        whole = embeddings | {"attention_mask": known.attention_mask}
        examples = [(tone, conditioning(self.model, whole))]
        yield Phase(
            name=f"inversion-{tone}", steps=self.recipe.inversion_steps, parameters=embeddings,
            optimiser=torch.optim.Adam(embeddings.values(), lr=self.recipe.inversion_rate),
            losses=lambda step: self.losses(examples, "inversion", step),
            check=lambda: self.check(examples),
            result=lambda: whole,
        )  # fmt: skip

    @contextmanager
    def adapter(
        self, tone: Tone, role: Role, examples: Sequence[tuple[Tone, Conditioning]]
    ) -> Iterator[Phase]:
        """One adapter, in the model's U-Net within the context.

        Args:
            examples: the clips that it is trained on, all in every step, with the conditioning
                of each.
        """
        import torch

        unet, rank = self.model.unet, self.recipe.ranks()[role]
        # adapters of one role start equal, so that those of both ends stay comparable
        with injection.attached(unet, NAME, rank, seed=_seed(self.recipe.seed, role, -1)):
            factors = {name: p for name, p in unet.named_parameters() if p.requires_grad}
            yield Phase(
                name=f"{tone}-{role}", steps=self.recipe.role_steps(role), parameters=factors,
                optimiser=torch.optim.AdamW(factors.values(), lr=self.recipe.rate),
                losses=lambda step: self.losses(examples, role, step),
                check=lambda: self.check(examples),
                result=lambda: injection.state_of(unet, NAME),
            )  # fmt: skip

    def losses(
        self, examples: Sequence[tuple[Tone, Conditioning]], kind: str, step: int
    ) -> Iterator[torch.Tensor]:
        """The summands of this step's loss, one for each clip, one after the other, so that only
        one set of activations is held at a time."""
        for example in examples:
            yield self._one(*example, kind, step) / len(examples)

    def check(self, examples: Sequence[tuple[Tone, Conditioning]]) -> float:
        """Mean loss over the fixed batch."""
        import torch

        with torch.no_grad():
            draws = [float(sum(self.losses(examples, "check", draw))) for draw in range(CHECKS)]
        return sum(draws) / len(draws)

    def _one(self, tone: Tone, told: Conditioning, kind: str, step: int) -> torch.Tensor:
        import torch

        clean = self.latents[tone]
        generator = torch.Generator().manual_seed(_seed(self.recipe.seed, kind, step))
        pick = int(torch.randint(len(clean), (), generator=generator))
        alphas = signal_powers(self.model)
        timestep = torch.randint(len(alphas), (1,), generator=generator)
        noise = torch.randn(clean[pick : pick + 1].shape, generator=generator).to(clean)
        power = alphas[timestep].to(clean)
        noisy = power.sqrt() * clean[pick : pick + 1] + (1 - power).sqrt() * noise
        with self._precision():
            guess = self.model.noise_prediction(
                self.model.unet, noisy, timestep.to(clean.device), told
            )
        return torch.nn.functional.mse_loss(guess.float(), noise)

    def _precision(self) -> AbstractContextManager[Any]:
        import torch

        if not self.recipe.half:
            return nullcontext()
        return torch.autocast(self.model.device.type, dtype=torch.bfloat16)


def conditioning(model: Model, tensors: Mapping[str, torch.Tensor]) -> Conditioning:
    """Conditioning from the tensors of an ``embedding.safetensors``."""
    from morphsep.backends.diffusion.model import Conditioning

    return Conditioning(**{name: tensor.to(model.device) for name, tensor in tensors.items()})


def signal_powers(model: Model) -> torch.Tensor:
    """``[S]``: the share of the signal's power (alpha bar) at each training timestep.

    Raises:
        SettingError: the model predicts something other than noise.
    """
    from diffusers import DDIMScheduler

    config = model.scheduler_config
    if config.get("prediction_type", "epsilon") != "epsilon":
        raise SettingError(f"{model.folder} predicts no noise, so it cannot be trained here")
    scheduler: Any = DDIMScheduler
    powers: torch.Tensor = scheduler.from_config(config).alphas_cumprod
    return powers


def _seed(seed: int, kind: str, step: int) -> int:
    return int(digest(seed, kind, step)[:15], 16)
