"""Validation: improvement and leakage on mixes that training does not use."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch

from jobs.train_separator.loss import SCALE
from jobs.train_separator.mixes import FRAME, HOP, RATE, SONGS, Songs, excerpts, held_out
from morphsep.dsp import Signal, si_sdr
from morphsep.separators.embedded.network import BandNetwork


def validation_mixes(unpacked: Path, songs: Path) -> list[tuple[Signal, Signal]]:
    """Muldjord's guitars over backings of fonts and kits that training does not use."""
    folders = sorted((unpacked / SONGS / "muldjord").glob("*/guitar.ogg"))
    guitars = [window for path in folders for window in excerpts(path, 6.0, RATE, 8)]
    return held_out(guitars, Songs(songs / "validation"), seed=7)


def validate(
    model: BandNetwork, mixes: list[tuple[Signal, Signal]]
) -> tuple[list[float], list[float]]:
    """SI-SDR improvement over each mix, and what remains of each third backing alone, in dB."""
    model.eval()
    gains, leaks = [], []
    with torch.inference_mode():
        for index, (guitar, backing) in enumerate(mixes):
            mix = guitar + backing
            gains.append(si_sdr(_through(model, mix), guitar) - si_sdr(mix, guitar))
            if index % 3 == 0:
                leak = _through(model, backing)
                leaks.append(10 * math.log10(float(np.mean(leak**2) / np.mean(backing**2)) + 1e-12))
    return gains, leaks


def _through(model: BandNetwork, mix: Signal) -> Signal:
    """The guitar ``[2, T]`` from a mix ``[2, T]``, by centred frames."""
    std = float(mix.mean(axis=0).std()) + 1e-6
    length = mix.shape[1]
    window = torch.hann_window(FRAME)
    bins = torch.stft(
        torch.from_numpy(mix / np.float32(std)),
        FRAME,
        HOP,
        window=window,
        center=True,
        return_complex=True,
    )
    scale = SCALE / float(window.sum())
    even = bins[..., : bins.shape[-1] // 2 * 2]
    kept = model(even[None] * scale)[0] / scale
    kept = torch.nn.functional.pad(kept, (0, bins.shape[-1] - kept.shape[-1]))
    out = torch.istft(kept, FRAME, HOP, window=window, center=True, length=length)
    return np.asarray(out.numpy() * np.float32(std))
