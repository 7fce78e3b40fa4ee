"""The transformation ``channels_last``: encoder and decoder layers of both branches.

Shapes are those of demucs, ``[B, C, F, T]`` and ``[B, C, T]``; in memory the channels are last. The
time branch runs as one row of frequencies, ``[B, C, 1, T]``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

Tensor = torch.Tensor

BLOCK = 1 << 20
"""Numbers in the widest tensor of a block: 4 MB, about a core's share of the cache."""

OVERLAP = 4
"""Overlap of the outputs of neighbouring steps of a transposed convolution."""


def replace_layers(model: Any) -> None:
    """Replace layers of the usual kind by `Encoder` and `Decoder`.

    Left alone: with norms or residual branches in the decoder, split into bands, or merged.
    """
    from demucs.hdemucs import HDecLayer, HEncLayer

    for layers in (model.encoder, model.tencoder):
        for index, layer in enumerate(layers):
            if isinstance(layer, HEncLayer) and _is_usual(layer) and _is_encoder(layer):
                layers[index] = Encoder(layer)
    for layers in (model.decoder, model.tdecoder):
        for index, layer in enumerate(layers):
            if isinstance(layer, HDecLayer) and _is_usual(layer) and layer.dconv is None:
                layers[index] = Decoder(layer)
    first = model.encoder[0]
    if isinstance(first, Encoder) and model.freq_emb is not None:
        table = model.freq_emb_scale * model.freq_emb.weight
        first.embedding = nn.Parameter(table[:, None].clone(), requires_grad=False)
        model.freq_emb = None


def _is_usual(layer: Any) -> bool:
    return (
        not layer.empty
        and not layer.norm
        and layer.rewrite is not None
        and layer.pad == layer.kernel_size // 4
        and layer.kernel_size - layer.stride == OVERLAP
    )


def _is_encoder(layer: Any) -> bool:
    return layer.dconv is not None and set(layer.rewrite.kernel_size) == {1}


class Encoder(nn.Module):
    """Strided convolution, residual branch, 1x1 convolution with a GLU."""

    embedding: nn.Parameter | None

    def __init__(self, original: Any) -> None:
        super().__init__()
        self.empty = False
        self.freq, self.stride, self.pad = original.freq, original.stride, original.pad
        self.conv = _two_dimensional(original.conv, original.freq)
        self.kernel = original.kernel_size
        self.dconv, self.rewrite = original.dconv, original.rewrite
        self.embedding = None

    def forward(self, x: Tensor, inject: Tensor | None = None) -> Tensor:
        """``[B, C, F, T]`` or ``[B, C, T]`` to the same with fewer frequencies or samples."""
        assert inject is None
        if not self.freq:
            missing = -x.shape[-1] % self.stride
            x = functional.pad(x, (0, missing))[:, :, None]
        x = x.contiguous(memory_format=torch.channels_last)
        batch, _, rows, columns = x.shape
        rows, columns = (rows // self.stride, columns) if self.freq else (1, columns // self.stride)
        channels = self.conv.out_channels
        out = x.new_empty(batch, rows, columns, channels)
        step = max(1, BLOCK // (2 * channels * columns)) if x.device.type == "cpu" else rows
        for start in range(0, rows, step):
            stop = min(rows, start + step)
            self._rewrite(self._convolved(x, start, stop), out[:, start:stop])
            if self.embedding is not None:
                out[:, start:stop] += self.embedding[start:stop]
        result: Tensor = out.permute(0, 3, 1, 2)
        return result if self.freq else result[:, :, 0]

    def _convolved(self, x: Tensor, start: int, stop: int) -> Tensor:
        """Rows [start, stop) after the convolution and the residual branch, ``[B, n, T, C]``."""
        if self.freq:
            first = start * self.stride - self.pad
            last = (stop - 1) * self.stride - self.pad + self.kernel
            x = _span(x, first, last, axis=2)
        padding = (0, self.conv.padding[1])
        y = functional.conv2d(x, self.conv.weight, self.conv.bias, self.conv.stride, padding)
        torch.ops.aten.gelu_(y)
        y = y.permute(0, 2, 3, 1).contiguous()
        batch, rows, columns, channels = y.shape
        flat = y.view(batch * rows, columns, channels)
        if hasattr(self.dconv, "add_to"):
            self.dconv.add_to(flat)
        else:
            y = self.dconv(flat.transpose(1, 2)).transpose(1, 2).reshape(y.shape)
        return y

    def _rewrite(self, y: Tensor, out: Tensor) -> None:
        """A 1x1 convolution and its GLU, ``[B, n, T, C]``."""
        weight = self.rewrite.weight.flatten(1)
        step = max(1, BLOCK // (y.shape[1] * weight.shape[0]))
        for start in range(0, y.shape[2], step):
            part = slice(start, start + step)
            value, gate = functional.linear(y[:, :, part], weight, self.rewrite.bias).chunk(2, -1)
            torch.mul(value, gate.sigmoid_(), out=out[:, :, part])


class Decoder(nn.Module):
    """Convolution with a GLU, transposed convolution, GELU unless it is the last layer."""

    def __init__(self, original: Any) -> None:
        super().__init__()
        self.empty = False
        self.freq, self.stride, self.pad = original.freq, original.stride, original.pad
        self.last, self.chin = original.last, original.chin
        self.axis = 2 if original.freq else 3
        self.rewrite = _two_dimensional(original.rewrite, original.freq)
        self.margin = self.rewrite.padding[self.axis - 2]
        self.conv_tr = _two_dimensional(original.conv_tr, original.freq)

    def forward(self, x: Tensor, skip: Tensor, length: int) -> tuple[Tensor, None]:
        """``[B, C, F, T]`` or ``[B, C, T]`` to the same with more frequencies, or `length`.

        Overwrites `x`.
        """
        if not self.freq:
            x, skip = x[:, :, None], skip[:, :, None]
        x = x.view_as(skip)
        # Without a transformer the first skip connection is the input itself.
        x = x + skip if x.data_ptr() == skip.data_ptr() else x.add_(skip)
        x = x.contiguous(memory_format=torch.channels_last)
        size, others = x.shape[self.axis], x.shape[5 - self.axis]
        step = size
        if x.device.type == "cpu":
            step = max(1, BLOCK // (2 * x.shape[1] * others))
        shape = [x.shape[0], self.conv_tr.out_channels, x.shape[2], x.shape[3]]
        shape[self.axis] = size * self.stride + OVERLAP
        out = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
        tail = None
        for start in range(0, size, step):
            stop = min(size, start + step)
            tail = self._block(x, start, stop, tail, out)
        out = out.narrow(self.axis, self.pad, size * self.stride)
        if self.freq:
            return out, None
        return out[:, :, 0, :length], None

    def _block(self, x: Tensor, start: int, stop: int, tail: Tensor | None, out: Tensor) -> Tensor:
        size = x.shape[self.axis]
        y = _span(x, start - self.margin, stop + self.margin, self.axis)
        y = functional.conv2d(y, self.rewrite.weight, self.rewrite.bias, padding=self._padding())
        y = functional.glu(y.permute(0, 2, 3, 1), dim=-1).permute(0, 3, 1, 2)
        z = self.conv_tr(y)
        if tail is not None:
            z.narrow(self.axis, 0, OVERLAP).add_(tail)
        length = (stop - start) * self.stride
        left: Tensor = z.narrow(self.axis, length, OVERLAP) - self.conv_tr.bias[:, None, None]
        kept = z if stop == size else z.narrow(self.axis, 0, length)
        target = out.narrow(self.axis, start * self.stride, kept.shape[self.axis])
        if self.last:
            target.copy_(kept)
        else:
            torch.ops.aten.gelu.out(kept, out=target)
        return left

    def _padding(self) -> tuple[int, int]:
        height, width = self.rewrite.padding
        return (0, width) if self.freq else (height, 0)


def _span(x: Tensor, start: int, stop: int, axis: int) -> Tensor:
    """``[start, stop)`` of an axis, zeros outside."""
    size = x.shape[axis]
    before, after = max(0, -start), max(0, stop - size)
    inside = x.narrow(axis, start + before, stop - after - start - before)
    if not before and not after:
        return inside
    padding = (0, 0, before, after) if axis == 2 else (before, after)
    return functional.pad(inside, padding)


def _two_dimensional(layer: Any, freq: bool) -> Any:
    """The same convolution over ``[B, C, F, T]`` in channels-last order."""
    one = () if freq else (1,)
    kind = nn.ConvTranspose2d if "Transpose" in type(layer).__name__ else nn.Conv2d
    result = kind(
        layer.in_channels,
        layer.out_channels,
        (*one, *layer.kernel_size),
        (*one, *layer.stride),
        layer.padding if freq else (0, *layer.padding),
        device="meta",
    )
    weight = layer.weight if freq else layer.weight[:, :, None]
    weight = weight.detach().clone(memory_format=torch.channels_last)
    result.weight = nn.Parameter(weight, requires_grad=False)
    result.bias = layer.bias
    return result
