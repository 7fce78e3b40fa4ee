"""U-Nets with LoRA adapters, set for any amount: mixed live, or as in DiffMorpher."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from morphsep.backends.diffusion.lora.adapter import ENDS, Lora
from morphsep.backends.diffusion.lora.injection import attach, mix, peft
from morphsep.errors import SettingError

if TYPE_CHECKING:
    import torch

MIXED = "mixed"
"""The adapter that holds interpolated factors."""


def clone(unet: Any) -> Any:
    """A U-Net with its own modules on the same tensors: adapters put into it stay out of `unet`,
    and it takes next to no memory."""
    shared = {id(tensor): tensor for tensor in (*unet.parameters(), *unet.buffers())}
    return copy.deepcopy(unet, shared)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """A U-Net with its adapters: none, one for ``both`` ends, or one for each."""

    unet: Any
    states: Mapping[str, Mapping[str, torch.Tensor]] = field(default_factory=dict)
    """The adapters' tensors by end."""
    by_factors: bool = False

    def at(self, amount: float) -> Any:
        """The U-Net with its adapters set for `amount`, until the next call.

        Live, the adapters of both ends have the weights ``1 - amount`` and ``amount``: this
        interpolates the parameters of the two tuned U-Nets, with one adapter alone at either end.
        """
        if self.by_factors:
            self._mix_factors(amount)
        elif "source" in self.states:
            mix(self.unet, {"source": 1 - amount, "target": amount})
        return self.unet

    def _mix_factors(self, amount: float) -> None:
        """DiffMorpher's mix, as in its code: ``A = (1 - a) A0 + a A1``, and B alike. Their product
        is ``(1 - a)^2 B0 A0 + a^2 B1 A1 + a (1 - a) (B0 A1 + B1 A0)``: in the middle a quarter of
        each and cross terms."""
        source, target = (self.states[end] for end in ENDS)
        factors = {key: (1 - amount) * source[key] + amount * target[key] for key in source}
        peft().set_peft_model_state_dict(self.unet, factors, adapter_name=MIXED)
        mix(self.unet, {MIXED: 1.0})


def network(unet: Any, loras: Mapping[str, Lora], *, by_factors: bool = False) -> Network:
    """A clone of `unet` with these adapters, by the end that each is for.

    Raises:
        SettingError: peft is missing, an adapter does not fit the U-Net, or the ranks differ and
            factors are to be mixed.
    """
    made = clone(unet)
    states = {name: lora.tensors() for name, lora in loras.items()}
    if by_factors:
        if len({lora.rank for lora in loras.values()}) > 1:
            raise SettingError("mix=diffmorpher needs two adapters of one rank")
        attach(made, MIXED, loras["source"].rank, states["source"])
    else:
        for name, lora in loras.items():
            attach(made, name, lora.rank, states[name])
    made.requires_grad_(False).eval()
    return Network(unet=made, states=states, by_factors=by_factors)
