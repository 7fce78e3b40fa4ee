"""The transformation ``sums``: the ``UNet``'s own pass with its sums in place.

At every step the package divides a sum of two or three tensors of up to 1024 x T x 64 numbers, one
of them a 1x1 convolution, by a root: up to five passes over memory. Here one matrix product adds
up and scales. What depends on the noise level alone is computed once.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from morphsep.backends.music2latent.fast.blocks import Block, activate
from morphsep.backends.music2latent.fast.norms import channels_last
from morphsep.backends.music2latent.fast.winograd import Workspace

Tensor = torch.Tensor


class SummedUNet(nn.Module):
    """A ``UNet`` for one noise level."""

    def __init__(self, original: Any, sigma: float) -> None:
        super().__init__()
        from music2latent.utils import get_c

        self.encoder, self.decoder = original.encoder, original.decoder
        self.layers_list = original.layers_list
        self.conv_inp, self.conv_out = original.conv_inp, original.conv_out
        self.down_layers, self.up_layers = original.down_layers, original.up_layers
        self.conv_decoded, self.norm_out = original.conv_decoded, original.norm_out
        with torch.no_grad():
            level = torch.tensor([sigma])
            embedding = original.emb(torch.log(level) / 4)
            self.time_emb = original.emb_proj(embedding)
            self.scale_inp = 1 + original.scale_inp(embedding).reshape(1, 1, -1, 1)
            self.scale_out = 1 + original.scale_out(embedding).reshape(1, 1, -1, 1)
            self.c_skip, self.c_out, self.c_in = (float(each) for each in get_c(level))

    def forward(self, latents: Tensor, noisy: Tensor) -> Tensor:
        """Latents ``[B, 64, n]`` and noise of that level ``[B, 2, 1024, 8 n]`` -> the noise's
        shape."""
        pyramid = self.decoder(latents)
        x = self.conv_inp((noisy * self.c_in).contiguous(memory_format=torch.channels_last))
        x.mul_(self.scale_inp)
        space = Workspace()
        x, skips = self._down(x, pyramid, space)
        x = self._up(x, pyramid, skips, space)
        x = activate(_sum(x, None, pyramid[0], self.conv_decoded), self.norm_out)
        result: Tensor = self.c_skip * noisy + self.c_out * self.conv_out(x.mul_(self.scale_out))
        return result

    def _down(
        self, x: Tensor, pyramid: list[Tensor], space: Workspace
    ) -> tuple[Tensor, list[Tensor]]:
        layers, skips = iter(self.down_layers), list[Tensor]()
        time_emb = self.time_emb.expand(x.shape[0], -1)
        for level, num_layers in enumerate(self.layers_list):
            for _ in range(num_layers):
                x = _sum(x, None, pyramid[level], next(layers))
                x = _block(next(layers), x, time_emb, space)
                skips.append(x)
            if level != len(self.layers_list) - 1:
                x = next(layers)(x)
        return x, skips

    def _up(
        self, x: Tensor, pyramid: list[Tensor], skips: list[Tensor], space: Workspace
    ) -> Tensor:
        layers = iter(self.up_layers)
        time_emb = self.time_emb.expand(x.shape[0], -1)
        for level, num_layers in reversed(list(enumerate(self.layers_list))):
            for _ in range(num_layers):
                x = _sum(x, skips.pop(), pyramid[level], next(layers))
                x = _block(next(layers), x, time_emb, space)
            if level:
                x = next(layers)(x)
        return x


def _block(layer: Any, x: Tensor, time_emb: Tensor, space: Workspace) -> Tensor:
    out: Tensor = layer(x, time_emb, space) if isinstance(layer, Block) else layer(x, time_emb)
    return out


def _sum(x: Tensor, skip: Tensor | None, decoded: Tensor, conv: Any) -> Tensor:
    """``x``, ``skip`` and the 1x1 convolution of ``decoded``, over the root of their number.

    With a ``skip`` the result overwrites ``x``; without, ``x`` may be a skip itself and is kept.
    """
    rows, others = channels_last(x), channels_last(decoded).flatten(0, 2)
    shape, root = rows.shape, (2 if skip is None else 3) ** -0.5
    if skip is not None:
        rows += channels_last(skip)
    rows, weight = rows.flatten(0, 2), conv.weight.flatten(1).t()
    out = torch.empty_like(rows) if skip is None else rows
    torch.addmm(rows, others, weight, beta=root, alpha=root, out=out)
    out += conv.bias * root
    return out.view(shape).permute(0, 3, 1, 2)
