"""The network of ``embedded``: from a mix's spectrogram to gains that leave the guitar.

Band-split in the manner of Y. Luo and J. Yu, "Music source separation with band-split RNN" (2022),
with dilated convolutions in place of the recurrent layers: they see `REACH` frames on each side and
nothing else, so that a block of a track with that much context gives what the whole track gives.

Imported only where a model is needed, since it imports torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from morphsep.errors import SettingError

WIDTHS = ((16, 4), (12, 8), (12, 16), (9, 32), (6, 48))
"""(bands, bins in each), from 0 Hz up."""
NUM_BANDS = sum(count for count, _ in WIDTHS)
NUM_BINS = sum(count * width for count, width in WIDTHS)
"""928 bins of 10.77 Hz: up to 10 kHz. Above that the gains of the last band are repeated."""
PACKED = 2
"""Frames packed into one vector."""
DILATIONS = (1, 2, 4, 8, 1, 2, 4, 8)
REACH = PACKED * sum(DILATIONS)
"""Frames on each side that an output frame depends on, if it starts at an even one."""
CHANNELS = 48
VIEWS = 4
"""Left, right, middle, side."""
GAINS = 4
"""Left and right in the left output, right and left in the right one."""
FRAME, OVERLAP = 4096, 4
"""Samples in a frame at 44.1 kHz; hops in a frame."""
SCALE = 30.0
"""Brings the bins of a mix of unit standard deviation near 1."""


class BandNetwork(nn.Module):
    """Computes gains for every bin and frame; no side effects, no state."""

    def __init__(self, channels: int = CHANNELS) -> None:
        super().__init__()
        inputs = [VIEWS * PACKED * width for _, width in WIDTHS]
        outputs = [GAINS * PACKED * width for _, width in WIDTHS]
        self.encode = nn.ModuleList(
            _PerBand(count, size, channels) for (count, _), size in zip(WIDTHS, inputs, strict=True)
        )
        self.blocks = nn.ModuleList(_Block(channels, dilation) for dilation in DILATIONS)
        self.last = nn.BatchNorm2d(channels)
        self.decode = nn.ModuleList(
            _PerBand(count, channels, size, gain=0.1)
            for (count, _), size in zip(WIDTHS, outputs, strict=True)
        )

    def forward(self, mix: Tensor) -> Tensor:
        """Complex ``[B, 2, F, K]`` of the mix to the guitar's, of the same shape; K is even,
        F > `NUM_BINS`."""
        hidden = self._encoded(mix[:, :, :NUM_BINS])
        for block in self.blocks:
            hidden = block(hidden)
        gains = self._decoded(torch.relu(self.last(hidden)))
        above = mix.shape[2] - NUM_BINS
        top = gains[:, :, -WIDTHS[-1][1] :].mean(dim=2, keepdim=True)
        gains = torch.cat([gains, top.expand(-1, -1, above, -1)], dim=2)
        left, right = mix[:, 0], mix[:, 1]
        own, other = torch.sigmoid(gains[:, :2]), torch.tanh(gains[:, 2:])
        return torch.stack(
            [own[:, 0] * left + other[:, 0] * right, own[:, 1] * right + other[:, 1] * left], dim=1
        )

    def _encoded(self, mix: Tensor) -> Tensor:
        """``[B, channels, bands, K / PACKED]``."""
        left, right = mix[:, 0], mix[:, 1]
        views = torch.stack([left, right, (left + right) / 2, (left - right) / 2], dim=1)
        features = (views.real**2 + views.imag**2 + 1e-8) ** 0.15
        batch, _, _, frames = features.shape
        bands, first = [], 0
        for (count, width), layer in zip(WIDTHS, self.encode, strict=True):
            part = features[:, :, first : first + count * width]
            part = part.reshape(batch, VIEWS, count, width, frames // PACKED, PACKED)
            bands.append(layer(part.permute(2, 0, 4, 1, 3, 5).flatten(3)))
            first += count * width
        hidden = torch.cat(bands).permute(1, 3, 0, 2)
        return hidden.contiguous(memory_format=torch.channels_last)

    def _decoded(self, hidden: Tensor) -> Tensor:
        """``[B, GAINS, NUM_BINS, K]``."""
        batch, _, _, steps = hidden.shape
        rows = hidden.permute(2, 0, 3, 1)
        parts, first = [], 0
        for (count, width), layer in zip(WIDTHS, self.decode, strict=True):
            gains = layer(rows[first : first + count])
            gains = gains.reshape(count, batch, steps, GAINS, width, PACKED)
            gains = gains.permute(1, 3, 0, 4, 2, 5)
            parts.append(gains.reshape(batch, GAINS, count * width, steps * PACKED))
            first += count
        return torch.cat(parts, dim=2)


class _PerBand(nn.Module):
    """A linear layer for every band: ``[bands, B, K, inputs]`` to ``[bands, B, K, outputs]``."""

    def __init__(self, bands: int, inputs: int, outputs: int, gain: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(bands, inputs, outputs) * (gain / inputs**0.5))
        self.bias = nn.Parameter(torch.zeros(bands, 1, outputs))

    def forward(self, rows: Tensor) -> Tensor:
        bands, batch, steps, inputs = rows.shape
        flat = rows.reshape(bands, batch * steps, inputs)
        return torch.baddbmm(self.bias, flat, self.weight).view(bands, batch, steps, -1)


class _Block(nn.Module):
    """Combines neighbouring bands and frames by a convolution, then all bands with each other."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.near = nn.Conv2d(
            channels, channels, 3, padding=(1, dilation), dilation=(1, dilation), bias=False
        )
        self.across = nn.Linear(NUM_BANDS, NUM_BANDS)
        self.mixed = nn.Conv2d(channels, channels, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        near = torch.relu(self.norm(self.near(hidden)))
        across = self.across(near.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return cast(Tensor, hidden + self.mixed(near + torch.relu(across)))


class BlockModel(nn.Module):
    """A block of samples with its context, ``[B, 2, T]``, to its guitar, ``[B, 1, 2, block]``.

    Sizes are in hops of FRAME / OVERLAP samples. The context before must be even and at least
    ``REACH + OVERLAP``, the context after at least ``REACH + OVERLAP - 1``.
    """

    window: Tensor

    def __init__(self, network: BandNetwork, before: int, block: int) -> None:
        super().__init__()
        assert before % PACKED == 0
        assert before >= REACH + OVERLAP
        self.network, self.before, self.block = network, before, block
        self.register_buffer("window", torch.hann_window(FRAME), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        batch, channels, length = samples.shape
        hop = FRAME // OVERLAP
        bins = torch.stft(
            samples.reshape(-1, length), FRAME, hop, window=self.window, center=False,
            return_complex=True,
        )  # fmt: skip
        scale = SCALE / float(self.window.sum())
        bins = bins.view(batch, channels, *bins.shape[1:])[..., : bins.shape[-1] // 2 * 2]
        kept = self.network(bins * scale) / scale
        frames = kept[..., self.before - OVERLAP + 1 : self.before + self.block].transpose(2, 3)
        parts = torch.fft.irfft(frames, FRAME) * self.window
        hops = parts.reshape(batch, channels, -1, OVERLAP, hop)
        last = OVERLAP - 1
        total = sum(hops[:, :, last - i : last - i + self.block, i] for i in range(OVERLAP))
        # The squared Hann windows of a quarter hop add up to 1.5.
        return (cast(Tensor, total) / 1.5).reshape(batch, 1, channels, -1)


def load(path: Path, before: int, block: int) -> BlockModel:
    """The model with the weights of a file, in float32, ready to run.

    Raises:
        SettingError: the file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        # Counters stay whole numbers.
        state = {k: v.float() if v.is_floating_point() else v for k, v in load_file(path).items()}
        with torch.random.fork_rng(devices=[]):  # building draws initial weights
            network = BandNetwork()
        network.load_state_dict(state)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise SettingError(f"{path} cannot be read ({error}): install morphsep again.") from error
    return BlockModel(network, before, block).eval()
