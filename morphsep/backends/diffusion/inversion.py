"""From latents to the noise that leads to them, and back, by DDIM.

Song, Meng and Ermon, "Denoising diffusion implicit models" (2021), eq. 12 with eta 0 and its
reversal. The noise is inverted, never drawn, so nothing is random.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from morphsep.backends.diffusion.extra import extra
from morphsep.errors import SettingError

if TYPE_CHECKING:
    import torch

Predict = Callable[["torch.Tensor", Any], "torch.Tensor"]
"""(latents ``[B, 8, F, 16]``, timestep) -> the noise in them, of the same shape."""

VARIANCE = (0.9, 1.1)
"""Range in which the variance of inverted noise should lie (SoundMorpher: "close to 1")."""


def scheduler(config: dict[str, Any], kind: str, steps: int) -> Any:
    """``DDIMScheduler`` or ``DDIMInverseScheduler`` on a model's noise schedule.

    Raises:
        SettingError: the model predicts something other than noise, or has fewer steps.
    """
    if config.get("prediction_type", "epsilon") != "epsilon":
        raise SettingError(
            f"DDIM inversion needs a model that predicts noise; this one predicts "
            f"{config['prediction_type']}"
        )
    trained = config.get("num_train_timesteps", 1000)
    if steps > trained:
        raise SettingError(f"the model was trained on {trained} steps: steps cannot be {steps}")
    made = getattr(extra("diffusers"), kind).from_config(config, clip_sample=False)
    made.set_timesteps(steps)
    return made


def invert(
    config: dict[str, Any], predict: Predict, latents: torch.Tensor, steps: int
) -> torch.Tensor:
    """The noise from which sampling with the same `predict` leads back to `latents`."""
    made = scheduler(config, "DDIMInverseScheduler", steps)
    for timestep in made.timesteps:
        latents = made.step(predict(latents, timestep), timestep, latents).prev_sample
    return latents


def sample(
    config: dict[str, Any], predict: Predict, noise: torch.Tensor, steps: int
) -> torch.Tensor:
    """The latents at the end of the deterministic path from `noise`."""
    made = scheduler(config, "DDIMScheduler", steps)
    latents = noise
    for timestep in made.timesteps:
        latents = made.step(predict(latents, timestep), timestep, latents, eta=0.0).prev_sample
    return latents


def guided(conditional: Predict, unconditional: Predict, scale: float) -> Predict:
    """Classifier-free guidance between two predictors (Ho and Salimans 2022): ``u + s (c - u)``."""
    if scale == 1.0:
        return conditional

    def predict(latents: torch.Tensor, timestep: Any) -> torch.Tensor:
        away = unconditional(latents, timestep)
        return away + scale * (conditional(latents, timestep) - away)

    return predict


def guidance_at(amount: float, low: float, high: float) -> float:
    """SoundMorpher's schedule: `low` at both ends, `high` in the middle.

    >>> [guidance_at(amount, 1.5, 4.0) for amount in (0.0, 0.5, 1.0)]
    [1.5, 4.0, 1.5]
    """
    return high - 2 * abs(amount - 0.5) * (high - low)


def looks_like_noise(noise: torch.Tensor) -> bool:
    """Whether an inverted latent ``[8, F, 16]`` has about the variance of training's noise."""
    low, high = VARIANCE
    return low <= float(noise.var()) <= high
