"""Prompts as AudioLDM2's U-Net reads them. The encoders, more than half of the weights, are loaded
for this and then dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morphsep.backends.diffusion.extra import extra, reading
from morphsep.backends.diffusion.files import TEXT_PARTS
from morphsep.errors import SettingError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conditioning:
    """A prompt as the U-Net reads it; textual inversion optimises it."""

    prompt_embeds: torch.Tensor
    """``[1, L, D]`` from T5."""
    generated_prompt_embeds: torch.Tensor
    """``[1, 8, E]`` from GPT-2."""
    attention_mask: torch.Tensor
    """``[1, L]`` over `prompt_embeds`: 1 where there is a token."""


def encode(folder: Path, device: torch.device, prompts: Sequence[str]) -> list[Conditioning]:
    """Encode each prompt by itself, so that none is padded to another's length; on the CPU, so that
    the result is the same for every device and takes none of its memory.

    Args:
        device: of the result.

    Raises:
        SettingError: the folder has no text encoders, or they cannot be read.
    """
    import torch

    pipeline, made = _pipeline(folder), []
    with torch.no_grad():
        for prompt in prompts:
            found = pipeline.encode_prompt(prompt, torch.device("cpu"), 1, False)
            embeds, mask, generated = (tensor.to(device) for tensor in found)
            made.append(
                Conditioning(
                    prompt_embeds=embeds, attention_mask=mask, generated_prompt_embeds=generated
                )
            )
    return made


def _pipeline(folder: Path) -> Any:
    """The library's own pipeline with only the parts that text needs."""
    diffusers, transformers = extra("diffusers"), extra("transformers")
    for name in TEXT_PARTS:
        if not (folder / name).is_dir():
            raise SettingError(f"{folder} cannot encode a prompt: it has no folder {name}")
    encoders = {
        "text_encoder": transformers.ClapModel,
        "text_encoder_2": transformers.T5EncoderModel,
        "projection_model": diffusers.AudioLDM2ProjectionModel,
        # The hub's configs name GPT2Model, which transformers 5 cannot generate with.
        "language_model": transformers.GPT2LMHeadModel,
    }
    tokenizers = {
        "tokenizer": transformers.RobertaTokenizerFast,
        "tokenizer_2": transformers.T5TokenizerFast,
    }
    others = ("vae", "unet", "vocoder", "scheduler", "feature_extractor")
    with reading(folder):
        return diffusers.AudioLDM2Pipeline(
            **{name: part(cls, folder, name) for name, cls in encoders.items()},
            **{
                name: cls.from_pretrained(str(folder / name), local_files_only=True)
                for name, cls in tokenizers.items()
            },
            **dict.fromkeys(others),
        )


def part(cls: Any, folder: Path, name: str) -> Any:
    """A part of a pipeline: float32, frozen, on the CPU, from safetensors only."""
    made = cls.from_pretrained(str(folder / name), local_files_only=True, use_safetensors=True)
    return made.requires_grad_(False).eval().float()
