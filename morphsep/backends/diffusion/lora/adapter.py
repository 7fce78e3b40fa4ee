"""An adapter folder: what ``morphsep lora train`` writes and the backend `diffusion` reads.

    ADAPTER/
      adapter.json                       variant, base model, prompts, sha256 of the files below
      README.md  loss.jsonl  loss.png    the card; the loss of every step, and its curves
      source/embedding.safetensors       textual inversion of the source (see `Adapter.embedding`)
      target/embedding.safetensors
      both/conditional/                  one-sided: one pair of adapters, trained on both clips
          adapter_config.json            peft's, with variant, tone, role and base model added
          adapter_model.safetensors      peft's `get_peft_model_state_dict`
      both/unconditional/...
      source/conditional/...             two-sided: a pair of adapters for each tone instead
      source/unconditional/...
      target/conditional/...
      target/unconditional/...

``conditional`` is for the prediction with the learned embedding, ``unconditional`` for the one
with the negative prompt. The folder is whole or not there: it is written beside and renamed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from morphsep.errors import SettingError
from morphsep.storage import digest, digest_file

if TYPE_CHECKING:
    import torch

Variant = Literal["one-sided", "two-sided"]
Tone = Literal["source", "target", "both"]
Role = Literal["conditional", "unconditional"]
Tensors = Mapping[str, "torch.Tensor"]

FORMAT = 1
INDEX = "adapter.json"
WEIGHTS = "adapter_model.safetensors"
EMBEDDING = "embedding.safetensors"
TARGET_MODULES = ("to_q", "to_k", "to_v", "to_out.0")
"""All projections of self- and cross-attention."""
ENDS: tuple[Tone, Tone] = ("source", "target")
ROLES: tuple[Role, Role] = ("conditional", "unconditional")
TONES: dict[Variant, tuple[Tone, ...]] = {"one-sided": ("both",), "two-sided": ENDS}
"""The tones for which a variant has adapters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The model that an adapter was trained on and works with."""

    weights: str
    """Hub name, or the name of a folder."""
    revision: str
    """The hub's commit; empty for a folder."""
    fingerprint: str
    """Digest of its weights: `morphsep.backends.diffusion.model.Model.fingerprint`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """One adapter: pairs of factors for the attention layers of one U-Net."""

    tone: Tone
    role: Role
    rank: int
    """Also peft's ``lora_alpha``, so that the scale is 1."""
    folder: Path

    def tensors(self) -> dict[str, torch.Tensor]:
        """The tensors of peft's `get_peft_model_state_dict`, on the CPU."""
        return load_tensors(self.folder / WEIGHTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """An adapter folder, opened and checked; tensors are read when asked for."""

    folder: Path
    variant: Variant
    base: Base
    prompt: str
    """The prompt from which textual inversion started."""
    negative_prompt: str
    """The prompt that the unconditional adapters were trained with: the unconditional text."""
    loras: tuple[Lora, ...]
    content: str
    """Digest of all tensors."""

    def lora(self, tone: Tone, role: Role) -> Lora:
        """The adapter for an end, or the one for both."""
        wanted = (tone, "both")
        return next(each for each in self.loras if each.tone in wanted and each.role == role)

    def embedding(self, tone: Tone) -> dict[str, torch.Tensor]:
        """The embedding from textual inversion for an end: ``prompt_embeds [1, L, D]`` (T5),
        ``generated_prompt_embeds [1, 8, E]`` (GPT-2), ``attention_mask [1, L]`` over the first."""
        return load_tensors(self.folder / tone / EMBEDDING)

    def fingerprint(self) -> str:
        """Everything that the sound depends on."""
        return digest(
            FORMAT, self.variant, self.base.fingerprint, self.negative_prompt, self.content
        )

    def check_base(self, fingerprint: str) -> None:
        """
        Raises:
            SettingError: it was trained on another model than the one with this fingerprint.
        """
        if fingerprint != self.base.fingerprint:
            trained = "@".join(filter(None, (self.base.weights, self.base.revision)))
            raise SettingError(
                f"{self.folder} was trained on {trained}, whose weights are not those given as "
                "--weights; give that model, or train an adapter for this one"
            )


def read_adapter(folder: str | Path) -> Adapter:
    """Opens an adapter folder and checks every file's digest. Does not import torch.

    Raises:
        SettingError: no such folder, not an adapter, a newer format, or damaged.
    """
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise SettingError(
            f"there is no adapter folder {path}; make one with `morphsep lora train`"
        )
    try:
        index = json.loads((path / INDEX).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingError(f"{path} is no adapter folder: it has no {INDEX}") from None
    except ValueError as error:
        raise _damaged(path, INDEX) from error
    if index.get("format") != FORMAT:
        raise SettingError(
            f"{path} is an adapter of format {index.get('format')}; this version reads {FORMAT}"
        )
    return _checked(path, index)


def _checked(path: Path, index: Mapping[str, Any]) -> Adapter:
    try:
        variant: Variant = index["variant"]
        ranks = index["ranks"]
        loras = tuple(
            Lora(tone=tone, role=role, rank=int(ranks[role]), folder=path / tone / role)
            for tone in TONES[variant]
            for role in ROLES
        )
        digests = {name: str(index["sha256"][name]) for name in tensor_files(variant)}
        adapter = Adapter(
            folder=path, variant=variant, base=Base(**index["base"]), prompt=index["prompt"],
            negative_prompt=index["negative_prompt"], loras=loras,
            content=digest(*digests.values()),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, INDEX) from error
    for name, known in digests.items():
        if not (path / name).is_file() or digest_file(path / name) != known:
            raise _damaged(path, name)
    return adapter


def _damaged(path: Path, name: str) -> SettingError:
    return SettingError(
        f"the adapter {path} is damaged: {name} is not what was written; copy it again, or train "
        "it again"
    )


def tensor_files(variant: Variant) -> list[str]:
    """Paths, inside an adapter folder, of the files that hold tensors."""
    files = [f"{tone}/{EMBEDDING}" for tone in ENDS]
    return files + [f"{tone}/{role}/{WEIGHTS}" for tone in TONES[variant] for role in ROLES]


def load_tensors(path: Path) -> dict[str, torch.Tensor]:
    """A safetensors file, on the CPU.

    Raises:
        SettingError: it is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, torch.Tensor] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise _damaged(path.parent, path.name) from error
    # copies: the alignment of mapped tensors depends on the file, and rounding on the alignment
    return {name: tensor.clone() for name, tensor in tensors.items()}
