"""BS-RoFormer and MelBand-RoFormer for one stem: from samples to samples.

Wei-Tsung Lu, Ju-Chiang Wang, Qiuqiang Kong, Yun-Ning Hung: "Music source separation with band-split
RoPE transformer", 2023; Ju-Chiang Wang, Wei-Tsung Lu, Minz Won: "Mel-band RoFormer for music source
separation", 2023. Numbers and names of the weights as in lucidrains' networks (MIT).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from morphsep.separators.roformer.bands import bands_of
from morphsep.separators.roformer.config import Shape
from morphsep.separators.roformer.tensors import mask_name
from morphsep.separators.roformer.transformer import Transformer, after_norm, unit


class Network(nn.Module):
    """The network of one stem.

    Args:
        tensors: what `tensors.read_tensors` gives.
        stem: index of the stem.
        half: compute the transformer in half precision; samples and sums stay float32.
    """

    window: Tensor

    def __init__(
        self, shape: Shape, tensors: Mapping[str, Tensor], stem: int, *, half: bool = False
    ) -> None:
        super().__init__()
        self.shape, self.is_half = shape, half
        self.split = BandSplit(shape, tensors)
        self.blocks = nn.ModuleList(
            Transformer(tensors, f"layers.{block}.{axis}", depth, shape.heads, axis + 1)
            for block in range(shape.depth)
            for axis, depth in enumerate((shape.time_depth, shape.frequency_depth))
        )
        self.masks = Masks(shape, tensors, stem)
        self.register_buffer("window", torch.hann_window(shape.window))

    def forward(self, samples: Tensor) -> Tensor:
        """``[B, 2, T]`` to the stem, ``[B, 1, 2, T]``."""
        spectrum = self._analyse(samples)
        with torch.autocast(samples.device.type, torch.float16, enabled=self.is_half):
            tokens = self.split(torch.view_as_real(spectrum)).float()
            for block in self.blocks:
                block(tokens)
            mask = self.masks(tokens)
        spectrum *= mask
        if self.shape.zero_dc:
            spectrum[:, :, 0] = 0
        return self._synthesise(spectrum, samples.shape[-1])[:, None]

    def _analyse(self, samples: Tensor) -> Tensor:
        """Frames of both channels, complex ``[B, K, F, 2]``."""
        batch, channels, length = samples.shape
        bins = torch.stft(
            samples.reshape(batch * channels, length),
            self.shape.n_fft,
            self.shape.hop,
            self.shape.window,
            self.window,
            return_complex=True,
        )
        return bins.view(batch, channels, *bins.shape[1:]).permute(0, 3, 2, 1).contiguous()

    def _synthesise(self, spectrum: Tensor, length: int) -> Tensor:
        bins = spectrum.permute(0, 3, 2, 1).flatten(0, 1)
        samples = torch.istft(
            bins, self.shape.n_fft, self.shape.hop, self.shape.window, self.window, length=length
        )
        return samples.view(len(spectrum), -1, length)


class BandSplit(nn.Module):
    """One token for each band of a frame."""

    def __init__(self, shape: Shape, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.bands = bands_of(shape)
        for band in range(len(self.bands)):
            name = f"band_split.to_features.{band}"
            weight = after_norm(tensors[f"{name}.1.weight"], tensors[f"{name}.0.gamma"])
            self.register_buffer(f"weight{band}", weight)
            self.register_buffer(f"bias{band}", tensors[f"{name}.1.bias"])

    def forward(self, spectrum: Tensor) -> Tensor:
        """``[B, K, F, 2, 2]`` to ``[B, K, bands, D]``."""
        tokens = [
            functional.linear(
                unit(spectrum[:, :, part].flatten(2)),
                self.get_buffer(f"weight{band}"),
                self.get_buffer(f"bias{band}"),
            )
            for band, part in enumerate(self.bands)
        ]
        return torch.stack(tokens, dim=2)


class Masks(nn.Module):
    """A complex gain for every bin; where bands overlap, the mean of theirs."""

    share: Tensor

    def __init__(self, shape: Shape, tensors: Mapping[str, Tensor], stem: int) -> None:
        super().__init__()
        self.bands, self.num_layers = bands_of(shape), shape.mask_hidden + 1
        covered = np.zeros(shape.num_bins, np.float32)
        for part in self.bands:
            covered[part] += 1
        self.register_buffer("share", torch.from_numpy(1 / covered)[:, None])
        for band in range(len(self.bands)):
            for layer in range(self.num_layers):
                name = f"{mask_name(stem, band)}.{2 * layer}"
                weight = tensors[f"{name}.weight"]
                if layer == 0 and shape.kind == "bs":
                    weight = after_norm(weight, tensors["final_norm.gamma"])
                self.register_buffer(f"weight{band}_{layer}", weight)
                self.register_buffer(f"bias{band}_{layer}", tensors[f"{name}.bias"])
        self.normalises = shape.kind == "bs"

    def forward(self, tokens: Tensor) -> Tensor:
        """``[B, K, bands, D]`` to complex ``[B, K, F, 2]``."""
        batch, frames = tokens.shape[:2]
        mask = tokens.new_zeros(batch, frames, len(self.share), 2, 2)
        for band, part in enumerate(self.bands):
            gain = self._gain(tokens[:, :, band], band)
            mask[:, :, part] += gain.view(batch, frames, -1, 2, 2)
        return torch.view_as_complex(mask).mul_(self.share)

    def _gain(self, x: Tensor, band: int) -> Tensor:
        x = unit(x) if self.normalises else x
        for layer in range(self.num_layers):
            x = x.tanh_() if layer else x
            weight = self.get_buffer(f"weight{band}_{layer}")
            x = functional.linear(x, weight, self.get_buffer(f"bias{band}_{layer}"))
        return functional.glu(x, dim=-1)
