"""The batches of the training, a function of the seed, the step and the rank."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from jobs.train_separator.config import Config
from jobs.train_separator.loss import spectrum
from jobs.train_separator.mixes import FRAME, HOP, Recorded, Songs, drawn, tilt, voicing
from jobs.train_separator.notes import Rng
from morphsep.dsp import Signal


def batch(
    songs: Songs, recorded: Recorded, config: Config, step: int, rank: int
) -> tuple[Tensor, Tensor]:
    """Spectra of (guitar, mix), ``[B, 2, F, K]``: a function of the seed, the step, the rank and
    the songs there are.
    """
    rng = np.random.default_rng([config.seed, step, rank])
    count, length = songs.refresh(), (config.frames - 1) * HOP + FRAME
    guitars, backings, kinds = zip(
        *(drawn(songs, count, length, rng, recorded) for _ in range(config.batch)), strict=True
    )
    # a recorded guitar has the low end that `voicing` gives to rendered ones
    guitar = _coloured(guitars, [tilt if is_recorded else voicing for is_recorded in kinds], rng)
    return guitar, guitar + _coloured(backings, [tilt] * config.batch, rng)


def _coloured(
    items: Sequence[Signal], colours: Sequence[Callable[[int, Rng], Signal]], rng: Rng
) -> Tensor:
    """Spectra of the items, each through its own filter, at its former level."""
    bins = spectrum(torch.from_numpy(np.stack(items)))
    curves = np.stack([colour(bins.shape[2], rng) for colour in colours])
    filtered = bins * torch.from_numpy(curves)[:, None, :, None]
    before, after = (x.abs().square().sum(dim=(1, 2, 3), keepdim=True) for x in (bins, filtered))
    return filtered * (before / (after + 1e-6)).sqrt()
