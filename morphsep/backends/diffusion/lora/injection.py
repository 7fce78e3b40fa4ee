"""Adapters in a U-Net, through peft: attached, weighted, removed.

Two adapters at once with weights 1 - a and a are exactly W + (1 - a) B0 A0 + a B1 A1, and with
weights 1 and 0 exactly one of them: the interpolation of the two tuned U-Nets' parameters.
peft's merging methods (``add_weighted_adapter``) are slower, mostly not exact, and silently do
nothing if the merged name exists; so nothing here merges.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from morphsep.backends.diffusion.lora.adapter import TARGET_MODULES
from morphsep.errors import SettingError

if TYPE_CHECKING:
    import torch


def peft() -> Any:
    """The package peft.

    Raises:
        SettingError: it is not installed.
    """
    try:
        return import_module("peft")
    except ImportError as error:
        raise SettingError(
            f"LoRA adapters need peft ({error}): pip install 'morphsep[diffusion]'"
        ) from error


def attach(
    unet: Any,
    name: str,
    rank: int,
    tensors: Mapping[str, torch.Tensor] | None = None,
    seed: int = 0,
) -> None:
    """Adds an adapter to those that `unet` has.

    Args:
        unet: changed in place; its own weights are not.
        name: must be new and without a dot, which peft would read as a path.
        rank: also its alpha.
        tensors: as read from an adapter folder; None: new ones (A drawn from the seed, B zero).

    Raises:
        SettingError: the tensors are not those of an adapter of this rank for this U-Net.
    """
    import torch

    assert "." not in name
    assert name not in getattr(unet, "peft_config", {})
    config = peft().LoraConfig(
        r=rank, lora_alpha=rank, use_rslora=False, target_modules=list(TARGET_MODULES)
    )
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        # A second adapter beside the first is intended.
        warnings.filterwarnings("ignore", "Already found a `peft_config`")
        torch.manual_seed(seed)
        peft().inject_adapter_in_model(config, unet, name)
    if tensors is not None:
        _fill(unet, name, tensors)


def _fill(unet: Any, name: str, tensors: Mapping[str, torch.Tensor]) -> None:
    wanted = state_of(unet, name)
    if {k: v.shape for k, v in wanted.items()} != {k: v.shape for k, v in tensors.items()}:
        remove(unet)
        raise SettingError("the adapter does not fit this model's U-Net: its layers are others")
    peft().set_peft_model_state_dict(unet, dict(tensors), adapter_name=name)


def state_of(unet: Any, name: str) -> dict[str, torch.Tensor]:
    """The tensors of an adapter, as they are kept on disk."""
    found: dict[str, torch.Tensor] = peft().get_peft_model_state_dict(unet, adapter_name=name)
    return found


def mix(unet: Any, weights: Mapping[str, float]) -> None:
    """Activates exactly these adapters, with these weights, and no others."""
    tools: Any = import_module("diffusers.utils.peft_utils")
    tools.set_weights_and_activate_adapters(unet, list(weights), list(weights.values()))


def remove(unet: Any) -> None:
    """Removes all adapters and restores the original modules."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for path, layer in list(unet.named_modules()):
        if isinstance(layer, BaseTunerLayer):
            parent, _, child = path.rpartition(".")
            setattr(unet.get_submodule(parent), child, layer.get_base_layer())
    if hasattr(unet, "peft_config"):
        del unet.peft_config


@contextmanager
def attached(
    unet: Any,
    name: str,
    rank: int,
    tensors: Mapping[str, torch.Tensor] | None = None,
    seed: int = 0,
) -> Iterator[None]:
    """Like `attach`, within a context."""
    try:
        attach(unet, name, rank, tensors, seed)
        yield
    finally:
        remove(unet)
