"""The loss: the error's energy, and detail.

The loss of one item is the logarithm of the error's energy over the mix's, so that an item without
guitar counts as much as any other, plus a part for the square roots of magnitudes, which weighs the
quiet high partials that energy alone ignores.
"""

from __future__ import annotations

import torch
from torch import Tensor

from jobs.train_separator.mixes import FRAME, HOP

FLOOR = 1e-3
"""Errors 30 dB below the mix count as none."""
SCALE = 30.0
"""Brings the bins of a mix of unit standard deviation near 1."""


def spectrum(samples: Tensor) -> Tensor:
    """``[B, 2, F, K]`` of ``[B, 2, T]``, scaled so that it does not depend on the frame length."""
    batch, channels, length = samples.shape
    window = torch.hann_window(FRAME)
    bins = torch.stft(
        samples.reshape(-1, length), FRAME, HOP, window=window, center=False, return_complex=True
    )
    return bins.reshape(batch, channels, *bins.shape[1:]) * (SCALE / float(window.sum()))


def loss(estimate: Tensor, guitar: Tensor, mix: Tensor, detail: float) -> Tensor:
    """Mean loss of a batch of spectra ``[B, 2, F, K]``; `detail` weighs the magnitudes' part."""
    error = (estimate - guitar).abs().square().sum(dim=(1, 2, 3))
    energy = mix.abs().square().sum(dim=(1, 2, 3)) + 1e-3
    kept = torch.log10((error + FLOOR * energy) / energy)
    fine = (_root(estimate) - _root(guitar)).abs().mean(dim=(1, 2, 3))
    return (kept + detail * fine).mean()


def _root(bins: Tensor) -> Tensor:
    return (bins.real**2 + bins.imag**2 + 1e-6) ** 0.25
