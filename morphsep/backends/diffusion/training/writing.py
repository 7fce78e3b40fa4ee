"""Writes an adapter folder (`morphsep.backends.diffusion.lora.adapter` describes its content)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from morphsep.backends.diffusion.lora.adapter import (
    EMBEDDING,
    FORMAT,
    INDEX,
    TARGET_MODULES,
    WEIGHTS,
    Adapter,
    Base,
    Role,
    Tensors,
    Tone,
    Variant,
    read_adapter,
    tensor_files,
)
from morphsep.errors import SettingError
from morphsep.storage import digest_file, temporary_beside


def write_adapter(
    folder: str | Path,
    *,
    variant: Variant,
    base: Base,
    prompt: str,
    negative_prompt: str,
    ranks: Mapping[Role, int],
    loras: Mapping[tuple[Tone, Role], Tensors],
    embeddings: Mapping[Tone, Tensors],
    extras: Mapping[str, bytes],
    training: Mapping[str, Any],
) -> Adapter:
    """Writes an adapter folder, whole or not at all, and returns it as read back.

    Args:
        folder: where; must not exist.
        ranks, loras: for each role; the tensors for each of `TONES` of the variant and each role.
        embeddings: for both `ENDS`.
        extras: further files by name (the card, the loss).
        training: settings and data, kept in ``adapter.json`` for information.

    Raises:
        SettingError: `folder` exists.
        OSError: such as a full disk.
    """
    target = Path(folder).expanduser()
    refuse_existing(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = temporary_beside(target)
    try:
        for (tone, role), tensors in loras.items():
            _save(tensors, part / tone / role / WEIGHTS)
            ours = {"variant": variant, "tone": tone, "role": role}
            config = _json(peft_config(ranks[role], base) | ours)
            _write(part / tone / role / "adapter_config.json", config)
        for tone, tensors in embeddings.items():
            _save(tensors, part / tone / EMBEDDING)
        for name, data in extras.items():
            _write(part / name, data)
        index = {
            "format": FORMAT, "variant": variant, "base": asdict(base), "prompt": prompt,
            "negative_prompt": negative_prompt, "ranks": dict(ranks), "training": dict(training),
            "sha256": {name: digest_file(part / name) for name in tensor_files(variant)},
        }  # fmt: skip
        _write(part / INDEX, _json(index))
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return read_adapter(target)


def refuse_existing(target: Path) -> None:
    """
    Raises:
        SettingError: there is something already.
    """
    if target.exists():
        raise SettingError(f"{target} exists already; give another -o, or remove it")


def peft_config(rank: int, base: Base) -> dict[str, Any]:
    """The fields of peft's ``LoraConfig`` that are not its defaults, and the base model."""
    return {
        "peft_type": "LORA", "r": rank, "lora_alpha": rank, "use_rslora": False,
        "target_modules": list(TARGET_MODULES), "base_model_name_or_path": base.weights,
        "revision": base.revision or None, "base_fingerprint": base.fingerprint,
    }  # fmt: skip


def _save(tensors: Tensors, path: Path) -> None:
    from safetensors.torch import save

    _write(path, save({k: v.detach().cpu().contiguous() for k, v in tensors.items()}))


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
