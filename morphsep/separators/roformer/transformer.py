"""The transformer of a RoFormer: gated attention with rotary positions, then a feed-forward.

The same numbers as in the published networks, in another order of work. What a norm multiplies by
is part of the matrix behind it. Layers change their input in place. Sequences go through a layer in
pieces that a processor's cache holds, so time and frequency need no copies in another order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

PIECE_CPU, PIECE = 1 << 10, 1 << 18
"""Tokens that go through a layer at once, on a CPU and elsewhere: at least one sequence. In the
published networks a token takes up to 6 kB."""
SMALLEST_NORM = 1e-12


def unit(x: Tensor) -> Tensor:
    """``[..., D]`` over its length in D, contiguous."""
    length: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True).clamp_min_(SMALLEST_NORM)
    return (x / length).contiguous()


def after_norm(weight: Tensor, gamma: Tensor) -> Tensor:
    """The matrix ``[O, D]`` behind an RMS norm, for what `unit` gives."""
    return weight * (gamma * math.sqrt(gamma.numel()))


class Layer(nn.Module):
    """One layer: attention within each sequence, and a feed-forward for each token."""

    qkv: Tensor
    gates: Tensor
    gates_bias: Tensor
    out: Tensor
    wide: Tensor
    wide_bias: Tensor
    narrow: Tensor
    narrow_bias: Tensor

    def __init__(self, tensors: Mapping[str, Tensor], prefix: str, heads: int) -> None:
        super().__init__()
        self.heads = heads

        def weight(name: str) -> Tensor:
            return tensors[f"{prefix}.{name}"]

        norm, norm_forward = weight("0.norm.gamma"), weight("1.net.0.gamma")
        for name, value in {
            "qkv": after_norm(weight("0.to_qkv.weight"), norm),
            "gates": after_norm(weight("0.to_gates.weight"), norm),
            "gates_bias": weight("0.to_gates.bias"),
            "out": weight("0.to_out.0.weight"),
            "wide": after_norm(weight("1.net.1.weight"), norm_forward),
            "wide_bias": weight("1.net.1.bias"),
            "narrow": weight("1.net.4.weight"),
            "narrow_bias": weight("1.net.4.bias"),
        }.items():
            self.register_buffer(name, value)

    def forward(self, x: Tensor, turns: Tensor) -> None:
        """Changes ``[B, S, N, D]``, S sequences of N tokens, in place.

        Args:
            turns: the rotation of each position, complex ``[N, 1, 1, head_dim / 2]``.
        """
        x += self._attend(unit(x), turns)
        hidden = functional.gelu(functional.linear(unit(x), self.wide, self.wide_bias))
        x += functional.linear(hidden, self.narrow, self.narrow_bias)

    def _attend(self, x: Tensor, turns: Tensor) -> Tensor:
        shape = x.shape
        x = x.flatten(0, 1)
        joint = functional.linear(x, self.qkv).view(*x.shape[:2], 3, self.heads, -1)
        rotated = rotate(joint[:, :, :2], turns)
        query, key = (each.transpose(1, 2) for each in rotated.unbind(2))
        value = joint[:, :, 2].transpose(1, 2)
        mixed = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2)
        gates = functional.linear(x, self.gates, self.gates_bias).sigmoid_()
        mixed = (mixed * gates[..., None]).flatten(2)
        return functional.linear(mixed, self.out).view(shape)


def rotate(x: Tensor, turns: Tensor) -> Tensor:
    """Pairs of neighbouring numbers of ``[..., D]`` turned by ``turns``; float32 in place."""
    whole = x if x.dtype == torch.float32 else x.float()
    torch.view_as_complex(whole.view(*x.shape[:-1], -1, 2)).mul_(turns)
    return whole.to(x.dtype)


class Transformer(nn.Module):
    """Layers along one axis of ``[B, T, F, D]``: time, or frequency."""

    scale: Tensor | None
    speeds: Tensor

    def __init__(
        self, tensors: Mapping[str, Tensor], prefix: str, depth: int, heads: int, axis: int
    ) -> None:
        super().__init__()
        self.axis = axis
        names = [f"{prefix}.layers.{i}" for i in range(depth)]
        self.layers = nn.ModuleList(Layer(tensors, name, heads) for name in names)
        gamma = tensors.get(f"{prefix}.norm.gamma")
        scale = None if gamma is None else gamma * math.sqrt(gamma.numel())
        self.register_buffer("scale", scale)
        self.register_buffer("speeds", tensors[f"{names[0]}.0.rotary_embed.freqs"])

    def forward(self, x: Tensor) -> None:
        """Changes ``[B, T, F, D]`` in place."""
        sequences = x.transpose(1, 2) if self.axis == 1 else x
        turns = self._turns(sequences.shape[2])
        at_once = PIECE_CPU if x.device.type == "cpu" else PIECE
        each = sequences.shape[0] * sequences.shape[2]
        for part in torch.split(sequences, max(1, at_once // each), dim=1):
            for layer in self.layers:
                layer(part, turns)
            if self.scale is not None:
                part.copy_(unit(part) * self.scale)

    def _turns(self, length: int) -> Tensor:
        positions = torch.arange(length, device=self.speeds.device, dtype=torch.float32)
        angles = positions[:, None] * self.speeds
        return torch.polar(torch.ones_like(angles), angles)[:, None, None]
