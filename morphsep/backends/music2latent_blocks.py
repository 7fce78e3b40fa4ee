"""The transformation ``blocks``: residual blocks whose norms, activations and sums stay in cache.

Shapes are those of the package, ``[B, C, F, T]``; in memory the channels are last. What is
read once from memory is normalised, activated, convolved, added up and measured for the next norm
before it is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from morphsep.backends.music2latent_winograd import TILE, Winograd, Workspace

Tensor = torch.Tensor

BLOCK = 1 << 18
"""Numbers in a block, 1 MB: the transforms around it take some six times as much."""


class Block(nn.Module):
    """A ``ResBlock`` of two dimensions with norms, by Winograd's algorithm."""

    def __init__(self, original: Any) -> None:
        super().__init__()
        self.norms = nn.ModuleList([original.norm1, original.norm2])
        self.biases = [original.conv1.bias, original.conv2.bias]
        self.kernels = [Winograd(original.conv1.weight), Winograd(original.conv2.weight)]
        self.proj_emb = getattr(original, "proj_emb", None)
        self.res_conv = original.res_conv
        self.att = original.att if original.attention else None

    def forward(self, x: Tensor, time_emb: Tensor | None = None) -> Tensor:
        """``[B, C, F, T]`` -> ``[B, K, F, T]``."""
        rest = channels_last(self.res_conv(x))
        x = channels_last(x)
        first = self.biases[0].expand(x.shape[0], -1)
        if time_emb is not None and self.proj_emb is not None:
            first = first + self.proj_emb(time_emb)
        out = x.new_empty(*x.shape[:3], self.kernels[1].out_channels)
        hidden = torch.empty_like(out[0])
        for each, bias, add, result in zip(x, first, rest, out, strict=True):
            moments = Moments.of(each)
            moments = _half(each, hidden, moments.affine(self.norms[0]), self.kernels[0], bias)
            affine = moments.affine(self.norms[1])
            _half(hidden, result, affine, self.kernels[1], self.biases[1], add)
        out = out.permute(0, 3, 1, 2)
        return out if self.att is None else self.att(out)


def replace_blocks(network: Any) -> None:
    """Put `Block` in the place of every ``ResBlock`` that is built as it expects."""
    from music2latent.models import ResBlock

    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, ResBlock) and _is_usual(child):
                setattr(parent, name, Block(child))


def _is_usual(block: Any) -> bool:
    return (
        block.use_2d
        and block.normalize
        and block.kernel_size == 3
        and isinstance(block.activation, nn.SiLU)
        and not (block.upsample or block.downsample or block.normalize_residual)
    )


def channels_last(x: Tensor) -> Tensor:
    """``[B, C, F, T]`` -> ``[B, F, T, C]``, contiguous."""
    return x.permute(0, 2, 3, 1).contiguous()


def activate(x: Tensor, norm: Any) -> Tensor:
    """A group norm and SiLU of ``[B, C, F, T]``, in place where its channels are last."""
    x = channels_last(x)
    for each in x:
        scale, shift = Moments.of(each).affine(norm)
        step = max(1, BLOCK // each[0].numel())
        for block in each.split(step):
            block *= scale
            block += shift
            functional.silu(block, inplace=True)
    return x.permute(0, 3, 1, 2)


class Moments:
    """Sums and sums of squares of each channel, as blocks go by."""

    def __init__(self, num_channels: int) -> None:
        self.sums = torch.zeros(2, num_channels, dtype=torch.float64)
        self.count = 0
        self._ones = torch.ones(1, 1)

    @classmethod
    def of(cls, x: Tensor) -> Moments:
        """Of all of ``[F, T, C]``."""
        moments, space = cls(x.shape[2]), Workspace()
        step = max(1, BLOCK // (x.shape[1] * x.shape[2]))
        for start in range(0, x.shape[0], step):
            moments.add(x[start : start + step], space)
        return moments

    def add(self, block: Tensor, space: Workspace) -> None:
        """``[..., C]``."""
        rows = block.reshape(-1, block.shape[-1])
        if self._ones.shape[1] < rows.shape[0]:
            self._ones = torch.ones(1, rows.shape[0])
        ones = self._ones[:, : rows.shape[0]]
        squares = torch.mul(rows, rows, out=space("squares", *rows.shape))
        self.sums += torch.cat((ones @ rows, ones @ squares))
        self.count += rows.shape[0]

    def affine(self, norm: Any) -> tuple[Tensor, Tensor]:
        """What a group norm multiplies each channel with, and adds, ``[C]`` each."""
        size = norm.num_channels // norm.num_groups
        mean, power = self.sums.view(2, norm.num_groups, size).sum(-1) / (self.count * size)
        scale = (power - mean * mean + norm.eps).rsqrt().repeat_interleave(size) * norm.weight
        shift = norm.bias - mean.repeat_interleave(size) * scale
        return scale.float(), shift.float()


def _half(
    x: Tensor,
    out: Tensor,
    affine: tuple[Tensor, Tensor],
    kernel: Winograd,
    bias: Tensor,
    add: Tensor | None = None,
) -> Moments:
    """Norm, SiLU and convolution of ``[F, T, C]`` into `out` ``[F, T, K]``, `add` added; the
    moments of `out`."""
    moments, space = Moments(out.shape[2]), Workspace()
    for rows, columns in _blocks(x):
        convolved = kernel(_activated(x, rows, columns, affine, space), space)
        block = space("block", len(rows), len(columns), kernel.out_channels)
        torch.add(convolved, bias, out=block.view(convolved.shape))
        stop = min(rows.stop, x.shape[0]), min(columns.stop, x.shape[1])
        block = block[: stop[0] - rows.start, : stop[1] - columns.start]
        place = slice(rows.start, stop[0]), slice(columns.start, stop[1])
        if add is not None:
            block += add[place]
        out[place] = block
        moments.add(block, space)
    return moments


def _blocks(x: Tensor) -> Iterator[tuple[range, range]]:
    """Rows and columns of blocks; whole tiles, so that the last may reach over the edge."""
    height, width, channels = (*(-(-size // TILE) * TILE for size in x.shape[:2]), x.shape[2])
    columns = min(width, _tiles(BLOCK // channels // (4 * TILE)))
    rows = min(height, _tiles(BLOCK // channels // columns))
    for top in range(0, height, rows):
        for left in range(0, width, columns):
            yield range(top, min(top + rows, height)), range(left, min(left + columns, width))


def _tiles(size: int) -> int:
    return max(TILE, size // TILE * TILE)


def _activated(
    x: Tensor, rows: range, columns: range, affine: tuple[Tensor, Tensor], space: Workspace
) -> Tensor:
    """A block of ``[F, T, C]`` after norm and SiLU, with a margin of one; zeros outside."""
    padded = space("padded", len(rows) + 2, len(columns) + 2, x.shape[2])
    inside, place = [], []
    for span, size in ((rows, x.shape[0]), (columns, x.shape[1])):
        first, last = max(span.start - 1, 0), min(span.stop + 1, size)
        place.append(slice(first, last))
        inside.append(slice(first - span.start + 1, last - span.start + 1))
    padded[: inside[0].start] = 0
    padded[inside[0].stop :] = 0
    padded[:, : inside[1].start] = 0
    padded[:, inside[1].stop :] = 0
    values = padded[inside[0], inside[1]]
    torch.mul(x[place[0], place[1]], affine[0], out=values)
    values += affine[1]
    functional.silu(values, inplace=True)
    return padded
