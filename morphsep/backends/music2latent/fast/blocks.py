"""The transformation ``blocks``: residual blocks whose norms, activations and sums stay in cache.

Shapes are those of the package, ``[B, C, F, T]``; in memory the channels are last. A block is read
from memory once, then normalised, activated, convolved, added and measured for the next norm before
it is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from morphsep.backends.music2latent.fast.norms import BLOCK, Moments, channels_last
from morphsep.backends.music2latent.fast.winograd import TILE, Winograd, Workspace

Tensor = torch.Tensor


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

    def forward(
        self, x: Tensor, time_emb: Tensor | None = None, space: Workspace | None = None
    ) -> Tensor:
        """``[B, C, F, T]`` -> ``[B, K, F, T]``; the input's memory may be reused."""
        residual = channels_last(self.res_conv(x))
        self._add_to(residual, channels_last(x), [], space or Workspace(), time_emb)
        out = residual.permute(0, 3, 1, 2)
        return out if self.att is None else self.att(out)

    def streamed(
        self, x: Tensor, moments: list[Moments], space: Workspace
    ) -> tuple[Tensor, list[Moments]]:
        """Like `forward`; `moments` are those of `x`, or none. The result lies in `x` or in
        `space`, and comes with its moments, or none."""
        residual = x = channels_last(x)
        if not isinstance(self.res_conv, nn.Identity):
            weight, bias = self.res_conv.weight.flatten(1).t(), self.res_conv.bias
            residual = space("out", *x.shape[:3], weight.shape[1])
            assert residual.data_ptr() != x.data_ptr(), (
                "two blocks in a row that change the channels"
            )
            torch.addmm(
                bias, x.view(-1, x.shape[3]), weight, out=residual.view(-1, weight.shape[1])
            )
        moments = self._add_to(residual, x, moments, space)
        out = residual.permute(0, 3, 1, 2)
        return (out, moments) if self.att is None else (self.att(out), [])

    def _add_to(
        self,
        residual: Tensor,
        x: Tensor,
        moments: list[Moments],
        space: Workspace,
        time_emb: Tensor | None = None,
    ) -> list[Moments]:
        """Adds the convolutions of `x` ``[B, F, T, C]`` to `residual` ``[B, F, T, K]``, which may
        be `x`; returns the moments of the sum."""
        first = self.biases[0].expand(x.shape[0], -1)
        if time_emb is not None and self.proj_emb is not None:
            first = first + self.proj_emb(time_emb)
        hidden = space("hidden", *residual.shape[1:])
        moments = moments or [Moments.of(each) for each in x]
        results = []
        for each, known, bias, result in zip(x, moments, first, residual, strict=True):
            affine = known.affine(self.norms[0])
            found = _half(each, hidden, affine, self.kernels[0], bias, space)
            affine = found.affine(self.norms[1])
            bias = self.biases[1]
            results.append(_half(hidden, result, affine, self.kernels[1], bias, space, adds=True))
        return results


def replace_blocks(network: Any) -> None:
    """Replace every ``ResBlock`` of the usual kind by a `Block`."""
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


def _half(
    x: Tensor,
    out: Tensor,
    affine: tuple[Tensor, Tensor],
    kernel: Winograd,
    bias: Tensor,
    space: Workspace,
    adds: bool = False,
) -> Moments:
    """Norm, SiLU and convolution of ``[F, T, C]`` into `out` ``[F, T, K]``, or added to it; returns
    the moments of `out`."""
    moments = Moments(out.shape[2])
    for rows, columns in _blocks(x):
        convolved = kernel(_activated(x, rows, columns, affine, space), space)
        block = space("block", len(rows), len(columns), kernel.out_channels)
        torch.add(convolved, bias, out=block.view(convolved.shape))
        stop = min(rows.stop, x.shape[0]), min(columns.stop, x.shape[1])
        block = block[: stop[0] - rows.start, : stop[1] - columns.start]
        target = out[rows.start : stop[0], columns.start : stop[1]]
        if adds:
            block += target
        target.copy_(block)
        moments.add(block, space)
    return moments


def _blocks(x: Tensor) -> Iterator[tuple[range, range]]:
    """Rows and columns of blocks in whole tiles, so that the last may reach beyond the edge."""
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
    inside, seen = [], []
    for span, size in ((rows, x.shape[0]), (columns, x.shape[1])):
        first, last = max(span.start - 1, 0), min(span.stop + 1, size)
        seen.append(slice(first, last))
        inside.append(slice(first - span.start + 1, last - span.start + 1))
    padded[: inside[0].start] = 0
    padded[inside[0].stop :] = 0
    padded[:, : inside[1].start] = 0
    padded[:, inside[1].stop :] = 0
    values = padded[inside[0], inside[1]]
    torch.addcmul(affine[1], x[seen[0], seen[1]], affine[0], out=values)
    functional.silu(values, inplace=True)
    return padded
