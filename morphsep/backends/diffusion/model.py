"""An AudioLDM2 model, hosted: audio to latents and back, prompts to embeddings, noise predictions.

Loaded once a process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morphsep.backends.diffusion.extra import extra, reading
from morphsep.backends.diffusion.files import content_digest, folder_of
from morphsep.backends.diffusion.mel import HOP, NUM_MELS, SAMPLE_RATE, log_mel
from morphsep.backends.diffusion.text import Conditioning, encode, part
from morphsep.errors import SettingError
from morphsep.models import device as device_of
from morphsep.models import full_precision

if TYPE_CHECKING:
    import torch

__all__ = ["LATENT_HOP", "Conditioning", "Model", "load"]

LATENT_HOP = 4 * HOP
"""Samples at 16 kHz in a latent frame: 40 ms."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """The parts of an AudioLDM2 pipeline, frozen, float32, on one device."""

    folder: Path
    device: torch.device
    unet: Any
    """``AudioLDM2UNet2DConditionModel``; shared by all users in the process: do not change it."""
    vae: Any
    vocoder: Any
    scheduler_config: dict[str, Any]
    fingerprint: str
    """Digest of the weights (`files.content_digest`)."""
    sample_rate: int = SAMPLE_RATE
    _conditionings: dict[str, Conditioning] = field(default_factory=dict)

    def encode(self, audio: torch.Tensor) -> torch.Tensor:
        """The mode of the VAE's posterior, scaled.

        Args:
            audio: ``[B, T]`` at 16 kHz; padded with zeros to a multiple of 640 samples.

        Returns:
            ``[B, 8, T / 640, 16]``.
        """
        import torch

        missing = -audio.shape[-1] % LATENT_HOP
        padded = torch.nn.functional.pad(audio.to(self.device, torch.float32), (0, missing))
        with full_precision(self.device):
            posterior = self.vae.encode(log_mel(padded)).latent_dist
            latents: torch.Tensor = posterior.mode() * self.vae.config.scaling_factor
        return latents

    def decode(self, latents: torch.Tensor, num_samples: int) -> torch.Tensor:
        """``[B, num_samples]`` at 16 kHz of latents ``[B, 8, F, 16]``, ``num_samples <= 640 F``."""
        with full_precision(self.device):
            mel = self.vae.decode(latents / self.vae.config.scaling_factor).sample
            audio: torch.Tensor = self.vocoder(mel[:, 0])
        return audio.reshape(len(latents), -1)[:, :num_samples]

    def conditioning(self, prompt: str) -> Conditioning:
        """A prompt as the U-Net reads it; encoded at its first use.

        Raises:
            SettingError: the model's text encoders are missing.
        """
        return self.conditionings([prompt])[0]

    def conditionings(self, prompts: Sequence[str]) -> list[Conditioning]:
        """Like `conditioning`, reading the text encoders once for all new prompts."""
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._conditionings]
        if new:
            self._conditionings.update(zip(new, encode(self.folder, self.device, new), strict=True))
        return [self._conditionings[prompt] for prompt in prompts]

    def noise_prediction(
        self, unet: Any, latents: torch.Tensor, timestep: Any, conditioning: Conditioning
    ) -> torch.Tensor:
        """The noise that `unet` (this model's, or a copy with adapters) sees in ``[B, 8, F, 16]``,
        of the same shape. A conditioning of batch 1 serves the whole batch."""
        size = len(latents)
        with full_precision(self.device):
            noise: torch.Tensor = unet(
                latents,
                timestep,
                encoder_hidden_states=_rows(conditioning.generated_prompt_embeds, size),
                encoder_hidden_states_1=_rows(conditioning.prompt_embeds, size),
                encoder_attention_mask_1=_rows(conditioning.attention_mask, size),
                return_dict=False,
            )[0]
        return noise


def load(weights: str, device: str = "auto", offline: bool = False) -> Model:
    """The model at `weights`: a folder in the hub's layout, or a hub name, ``NAME[@COMMIT]``.

    Once loaded, it is kept for the life of the process.

    Raises:
        SettingError: a library of the extra ``diffusion`` is missing, there is no such model or
            device, the model is not on this machine and offline is set, or it is not an AudioLDM2
            model.
    """
    extra("diffusers")
    folder = folder_of(weights, offline)
    return _load(folder, str(device_of(device)), content_digest(folder))


@lru_cache(maxsize=2)
def _load(folder: Path, device: str, fingerprint: str) -> Model:
    diffusers, transformers, where = extra("diffusers"), extra("transformers"), device_of(device)
    classes = {
        "unet": diffusers.AudioLDM2UNet2DConditionModel,
        "vae": diffusers.AutoencoderKL,
        "vocoder": transformers.SpeechT5HifiGan,
    }
    with reading(folder):
        parts = {name: part(cls, folder, name).to(where) for name, cls in classes.items()}
        scheduler = dict(diffusers.DDIMScheduler.load_config(str(folder / "scheduler")))
    _check_geometry(folder, parts["vae"], parts["vocoder"])
    return Model(
        folder=folder,
        device=where,
        scheduler_config=scheduler,
        fingerprint=fingerprint,
        **parts,
    )


def _check_geometry(folder: Path, vae: Any, vocoder: Any) -> None:
    hop = 1
    for rate in vocoder.config.upsample_rates:
        hop *= rate
    factor = 2 ** (len(vae.config.block_out_channels) - 1)
    found = (vocoder.config.sampling_rate, vocoder.config.model_in_dim, hop, factor)
    if found != (SAMPLE_RATE, NUM_MELS, HOP, LATENT_HOP // HOP):
        raise SettingError(
            f"{folder} is not of AudioLDM2's geometry (16 kHz, 64 mel bands, 160 samples a frame, "
            f"4 frames a latent): it has {found}"
        )


def _rows(tensor: torch.Tensor, size: int) -> torch.Tensor:
    return tensor if len(tensor) == size else tensor.expand(size, *tensor.shape[1:])
