"""Exact group norms of tensors whose channels are last in memory.

torch's own kernel for that order (2.13, CPU) computes the variance from sums rounded to 24 bits:
latents of 2 s were 3e-4 away from the package's, and from its network in double precision.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from morphsep.backends.music2latent.fast.winograd import Workspace

Tensor = torch.Tensor

BLOCK = 1 << 18
"""Numbers in a block, 1 MB: the transforms around it need about six times as much."""


class GroupNorm(nn.GroupNorm):
    """torch's group norm with exact sums."""

    def __init__(self, original: Any) -> None:
        super().__init__(original.num_groups, original.num_channels, original.eps, device="meta")
        self.weight, self.bias = original.weight, original.bias

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, ...]`` -> the same shape."""
        is_last = x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last)
        if x.device.type != "cpu" or not is_last:
            return super().forward(x)
        x = channels_last(x)
        out = torch.empty_like(x)
        for each, result in zip(x, out, strict=True):
            scale, shift = Moments.of(each).affine(self)
            torch.addcmul(shift, each, scale, out=result)
        return out.permute(0, 3, 1, 2)


def replace_norms(network: Any) -> None:
    """Replace torch's group norms by `GroupNorm`."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.GroupNorm:
                setattr(parent, name, GroupNorm(child))


def channels_last(x: Tensor) -> Tensor:
    """``[B, C, F, T]`` -> ``[B, F, T, C]``, contiguous."""
    return x.permute(0, 2, 3, 1).contiguous()


class Moments:
    """Sums and sums of squares of each channel, block by block."""

    def __init__(self, num_channels: int) -> None:
        self.sums = torch.zeros(2, num_channels, dtype=torch.float64)
        self.count = 0
        self._ones = torch.ones(1, 1)

    @classmethod
    def of(cls, x: Tensor) -> Moments:
        """The moments of all of ``[F, T, C]``."""
        moments, space = cls(x.shape[2]), Workspace()
        step = max(1, BLOCK // (x.shape[1] * x.shape[2]))
        for start in range(0, x.shape[0], step):
            moments.add(x[start : start + step], space)
        return moments

    def add(self, block: Tensor, space: Workspace) -> None:
        """Count a block ``[..., C]`` in."""
        rows = block.reshape(-1, block.shape[-1])
        if self._ones.shape[1] < rows.shape[0]:
            self._ones = torch.ones(1, rows.shape[0])
        ones = self._ones[:, : rows.shape[0]]
        squares = torch.mul(rows, rows, out=space("squares", *rows.shape))
        self.sums += torch.cat((ones @ rows, ones @ squares))
        self.count += rows.shape[0]

    def affine(self, norm: Any) -> tuple[Tensor, Tensor]:
        """Scale and shift of each channel in a group norm, ``[C]`` each."""
        size = norm.num_channels // norm.num_groups
        mean, power = self.sums.view(2, norm.num_groups, size).sum(-1) / (self.count * size)
        scale = (power - mean * mean + norm.eps).rsqrt().repeat_interleave(size) * norm.weight
        shift = norm.bias - mean.repeat_interleave(size) * scale
        return scale.float(), shift.float()
