"""The transformation ``encoder``: the ``Encoder``'s own pass, in memory that is reused.

A layer returns up to 1024 x T x 64 numbers. Freshly allocated, such memory costs more time in page
faults than a norm or a sum that fills it. So blocks write where the one before them did, and the
moments that a block measured as it wrote serve the next norm.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from morphsep.backends.music2latent.fast.blocks import Block
from morphsep.backends.music2latent.fast.norms import BLOCK, Moments, channels_last
from morphsep.backends.music2latent.fast.winograd import Workspace

Tensor = torch.Tensor


class StreamedEncoder(nn.Module):
    """An ``Encoder`` that reuses memory where its residual blocks are `Block`s."""

    def __init__(self, original: Any) -> None:
        super().__init__()
        self.conv_inp, self.scale = original.conv_inp, original.gain.scale
        self.down_layers = original.down_layers
        self.prenorm, self.bottleneck_layers = original.prenorm_1d_to_2d, original.bottleneck_layers
        self.norm_out, self.conv_out = original.norm_out, original.conv_out

    def forward(self, spectra: Tensor) -> Tensor:
        """Spectra ``[B, 2, 1024, 8 n]`` -> latents ``[B, 64, n]``."""
        space = Workspace()
        x, moments = self._first(spectra, space)
        for layer in self.down_layers:
            if isinstance(layer, Block):
                x, moments = layer.streamed(x, moments, space)
            elif hasattr(layer, "norm"):
                x, moments = _smaller(x, moments, layer), []
            else:
                x, moments = layer(x), []
        x = self.prenorm(x).flatten(1, 2)
        for layer in self.bottleneck_layers:
            x = layer(x)
        latents: Tensor = self.conv_out(functional.silu(self.norm_out(x))).tanh_()
        return latents

    def _first(self, spectra: Tensor, space: Workspace) -> tuple[Tensor, list[Moments]]:
        """The first convolution and the gains, some frequencies at a time."""
        batch, _, bins, length = spectra.shape
        channels = self.conv_inp.out_channels
        x, moments = space("out", batch, bins, length, channels), []
        padded = functional.pad(spectra, (1, 1, 1, 1))
        step = max(1, BLOCK // (length * channels))
        for each, result in zip(padded, x, strict=True):
            moments.append(Moments(channels))
            for start in range(0, bins, step):
                rows = slice(start, min(start + step, bins))
                seen = each[None, :, start : rows.stop + 2]
                seen = seen.contiguous(memory_format=torch.channels_last)
                convolved = functional.conv2d(seen, self.conv_inp.weight, self.conv_inp.bias)
                convolved *= self.scale[:, :, rows]
                result[rows] = channels_last(convolved)[0]
                moments[-1].add(result[rows], space)
        return x.permute(0, 3, 1, 2), moments


def replace_encoder(network: Any) -> None:
    """Replace the ``Encoder`` by a `StreamedEncoder`."""
    network.encoder = StreamedEncoder(network.encoder).eval()


def _smaller(x: Tensor, moments: list[Moments], layer: Any) -> Tensor:
    """A layer that normalises in place and convolves with a stride."""
    rows = channels_last(x)
    for each, measured in zip(rows, moments or map(Moments.of, rows), strict=True):
        scale, shift = measured.affine(layer.norm)
        torch.addcmul(shift, each, scale, out=each)
    result: Tensor = layer.c(rows.permute(0, 3, 1, 2))
    return result
