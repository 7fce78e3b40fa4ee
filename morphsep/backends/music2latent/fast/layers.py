"""The transformations ``attention`` and ``upsampling``. Shapes are the package's, ``[B, C, F, T]``;
in memory the channels are last."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

Tensor = torch.Tensor

FRAMES = 16
"""Frames at once on a CPU: intermediate results then stay in the cache."""


def replace_attention(network: Any) -> None:
    """Replace the package's ``Attention`` over frequencies by `FrequencyAttention`."""
    from music2latent.models import Attention

    _replace(network, Attention, lambda layer: layer.use_2d, FrequencyAttention)


def replace_upsampling(network: Any) -> None:
    """Replace ``UpsampleConv`` and ``UpsampleFreqConv`` by `Upsampling`."""
    from music2latent.models import UpsampleConv, UpsampleFreqConv

    _replace(network, UpsampleConv, lambda layer: layer.use_2d and not layer.normalize, Upsampling)
    _replace(network, UpsampleFreqConv, lambda layer: not layer.normalize, Upsampling)


def _replace(network: Any, kind: Any, fits: Any, by: Any) -> None:
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, kind) and fits(child):
                setattr(parent, name, by(child))


class FrequencyAttention(nn.Module):
    """Attention over the frequencies of each frame, by ``scaled_dot_product_attention``."""

    def __init__(self, original: Any) -> None:
        super().__init__()
        self.norm = original.norm if original.normalize else nn.Identity()
        self.heads = original.mha.num_heads
        self.weight, self.bias = original.mha.in_proj_weight, original.mha.in_proj_bias
        self.out = original.mha.out_proj

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, F, T]`` with its attention added in place."""
        step = FRAMES if x.device.type == "cpu" else x.shape[3]
        parts, normals = torch.split(x, step, 3), torch.split(self.norm(x), step, 3)
        for part, normal in zip(parts, normals, strict=True):
            part += self._attended(normal.permute(0, 3, 2, 1)).permute(0, 3, 2, 1)
        return x

    def _attended(self, tokens: Tensor) -> Tensor:
        batch, length, bins, _ = tokens.shape
        projected = functional.linear(tokens.contiguous(), self.weight, self.bias)
        # 3 times [B T, heads, F, C / heads]
        heads = projected.view(batch * length, bins, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(*heads)
        result: Tensor = self.out(attended.transpose(1, 2).reshape(tokens.shape))
        return result


class Upsampling(nn.Module):
    """Repeats each value and convolves: each phase of the result as a smaller convolution.

    Where a kernel meets the same value twice, its weights are added up beforehand: 4 products
    remain of 9 where both axes are doubled, 2 of 5 where frequencies are repeated four times.
    """

    def __init__(self, original: Any) -> None:
        super().__init__()
        weight = original.c.weight.double()
        self.factors = (4, 1) if weight.shape[2] == 5 else (2, 2)
        self.bias = original.c.bias
        self.out_channels = weight.shape[0]
        for down, right in _phases(self.factors):
            kernel = _merged(_merged(weight, 2, self.factors[0], down), 3, self.factors[1], right)
            self.register_buffer(f"kernel{down}{right}", kernel.float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, F, T]`` -> ``[B, K, f F, t T]``."""
        batch, _, bins, length = x.shape
        across = self.factors[1] // 2
        x = functional.pad(x, (across, across, 1, 1)).contiguous(memory_format=torch.channels_last)
        out = x.new_empty(
            batch, self.out_channels, bins * self.factors[0], length * self.factors[1]
        ).contiguous(memory_format=torch.channels_last)
        for down, right in _phases(self.factors):
            kernel = getattr(self, f"kernel{down}{right}")
            top = 2 * down // self.factors[0]
            part = x[:, :, top : top + bins + 1, right : right + length + across]
            result = functional.conv2d(part, kernel, self.bias)
            out[:, :, down :: self.factors[0], right :: self.factors[1]] = result
        return out


def _phases(factors: tuple[int, int]) -> list[tuple[int, int]]:
    return [(down, right) for down in range(factors[0]) for right in range(factors[1])]


def _merged(weight: Tensor, axis: int, factor: int, phase: int) -> Tensor:
    """The two taps along an axis that remain of a kernel in one phase of a repeated signal."""
    if factor == 1:
        return weight
    margin = weight.shape[axis] // 2
    meets = [(phase + tap - margin) // factor for tap in range(weight.shape[axis])]
    first = min(meets)
    kernels = [
        weight.index_select(axis, torch.tensor(taps)).sum(axis)
        for taps in (
            [tap for tap, met in enumerate(meets) if met == first + offset] for offset in (0, 1)
        )
    ]
    return torch.stack(kernels, axis)
