"""The transformation ``residuals``: the dilated branches (DConv) of HTDemucs' encoder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn import functional

Tensor = torch.Tensor

BLOCK = 1 << 19
"""Numbers in the widest tensor of a block: 2 MB, about a core's share of the cache."""


def replace_residuals(model: Any) -> None:
    """Replace every DConv of the usual kind (no LSTM, no attention) by `Residual`."""
    from demucs.demucs import DConv

    for module in list(model.modules()):
        branch = getattr(module, "dconv", None)
        if isinstance(branch, DConv) and all(_is_usual(layer) for layer in branch.layers):
            module.dconv = Residual(branch)


def _is_usual(layer: Any) -> bool:
    from demucs.transformer import LayerScale

    kinds = (nn.Conv1d, nn.GroupNorm, nn.GELU, nn.Conv1d, nn.GroupNorm, nn.GLU, LayerScale)
    return (
        len(layer) == len(kinds)
        and all(isinstance(module, kind) for module, kind in zip(layer, kinds, strict=True))
        and layer[0].kernel_size == (3,)
        and layer[3].kernel_size == (1,)
        and layer[1].num_groups == layer[4].num_groups == 1
    )


class Residual(nn.Module):
    """Dilated convolutions through few hidden channels, each added to its input."""

    def __init__(self, original: Any) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Branch(layer) for layer in original.layers)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, T]`` to the same, in the layout of demucs. May overwrite `x`."""
        rows = x.transpose(1, 2).contiguous()
        self.add_to(rows)
        return rows.transpose(1, 2)

    def add_to(self, rows: Tensor) -> None:
        """In place: ``[N, T, C]``, contiguous."""
        for layer in self.layers:
            layer(rows)


class Branch(nn.Module):
    """conv - norm - GELU - 1x1 conv - norm - GLU - scale, added to the input in place."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        first, norm, _, second, wide, _, scale = layer
        hidden, channels = first.weight.shape[:2]
        self.dilation = first.dilation[0]
        # One product for the three taps, [C, 3H].
        self.taps = _fixed(first.weight.permute(2, 0, 1).reshape(3 * hidden, channels).t())
        self.bias, self.norm = first.bias, norm
        self.weight, self.offset = _fixed(second.weight[:, :, 0]), second.bias
        # The scale is a factor of the GLU's first half.
        ones = torch.ones_like(scale.scale)
        factors = torch.cat([scale.scale, ones])
        self.gain, self.shift = _fixed(wide.weight * factors), _fixed(wide.bias * factors)
        self.eps = wide.eps

    def forward(self, x: Tensor) -> None:
        """Add the branch to ``[N, T, C]``."""
        num_rows, num_samples, channels = x.shape
        step = max(1, BLOCK // (2 * num_samples * channels))
        for start in range(0, num_rows, step):
            rows = x[start : start + step]
            hidden = self._hidden(rows)
            weight, offset = self._wide(hidden)
            for part in _spans(num_samples, max(1, BLOCK // (2 * channels))):
                value = torch.baddbmm(
                    offset[:, :, :channels], hidden[:, part], weight[:, :, :channels]
                )
                gate = torch.baddbmm(
                    offset[:, :, channels:], hidden[:, part], weight[:, :, channels:]
                )
                rows[:, part].addcmul_(value, gate.sigmoid_())

    def _hidden(self, rows: Tensor) -> Tensor:
        """``[n, T, H]``: convolved, normalised over a row, through the GELU."""
        product = torch.matmul(rows, self.taps)
        before, hidden, after = product.chunk(3, dim=-1)
        hidden = hidden + self.bias
        shift, length = self.dilation, rows.shape[1]
        if shift < length:
            hidden[:, shift:] += before[:, : length - shift]
            hidden[:, : length - shift] += after[:, shift:]
        hidden = functional.group_norm(
            hidden.transpose(1, 2), 1, self.norm.weight, self.norm.bias, self.norm.eps
        )
        return functional.gelu(hidden).transpose(1, 2)

    def _wide(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """The 1x1 convolution with the norm of its result folded in, ``[n, H, 2C]`` and
        ``[n, 1, 2C]``."""
        mean = hidden.mean(dim=1)
        centred = hidden - mean[:, None]
        covariance = centred.transpose(1, 2) @ centred / hidden.shape[1]
        centre = functional.linear(mean, self.weight, self.offset)
        spread = ((self.weight @ covariance) * self.weight).sum(dim=-1)
        average = centre.mean(dim=-1, keepdim=True)
        variance = (spread + (centre - average).square()).mean(dim=-1, keepdim=True)
        factor = torch.rsqrt(variance + self.eps) * self.gain
        offset = (self.offset - average) * factor + self.shift
        return (factor[:, :, None] * self.weight).transpose(1, 2), offset[:, None]


def _spans(length: int, step: int) -> Iterator[slice]:
    for start in range(0, length, step):
        yield slice(start, min(length, start + step))


def _fixed(value: Tensor) -> nn.Parameter:
    return nn.Parameter(value.detach().clone().contiguous(), requires_grad=False)
