"""The processes that jobs.bench.separate measures: one separation each.

python -m jobs.bench.separate_child apply_model|ours|"ours, all off" MODEL SONG TARGET
python -m jobs.bench.separate_child sections MODEL MINUTES
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal

SOURCE = "guitar"


def apply_model_child(model: str, song: str, target: str) -> None:
    """Separate with demucs as a library: the whole track normalised, one source kept."""
    import torch
    from demucs.apply import apply_model
    from demucs.pretrained import get_model

    name = next(Path(model).glob("*.yaml")).stem
    bag = get_model(name, repo=Path(model))
    wave = torch.from_numpy(_read(song))
    mean, std = wave.mean(0).mean(), wave.mean(0).std() + 1e-8
    estimates = apply_model(bag, ((wave - mean) / std)[None], shifts=0)
    index = bag.sources.index(SOURCE)
    np.save(target, (estimates[0, index] * std + mean).numpy())


def ours_child(model: str, song: str, target: str, *, optimised: bool = True) -> None:
    """Separate the same samples with our separator."""
    from morphsep.separators.demucs.demucs import Demucs
    from morphsep.testing import ArrayMix

    settings: dict[str, Any] = {} if optimised else {"optimise": (), "lanes": 1}
    mix = ArrayMix(_read(song))
    separator = Demucs(f"{model}:{SOURCE}", device="cpu", **settings)
    np.save(target, separator.separate(mix, 0, mix.num_samples))


def sections_child(model: str, minutes: str) -> None:
    """Separate noise in five-minute sections, and keep none."""
    from morphsep.separators.demucs.demucs import Demucs

    mix = _Noise(int(minutes) * 60 * MODEL_RATE)
    separator, section = Demucs(model, device="cpu"), 300 * MODEL_RATE
    for start in range(0, mix.num_samples, section):
        separator.separate(mix, start, min(mix.num_samples, start + section))


class _Noise:
    """A mix of any length that takes no memory."""

    num_channels, mean, std, stem_path = 2, 0.0, 0.1, None

    def __init__(self, num_samples: int) -> None:
        self.num_samples = num_samples

    def read(self, start: int, num_samples: int) -> Signal:
        noise = np.random.default_rng(abs(start)).standard_normal((2, num_samples), np.float32)
        return np.asarray(0.1 * noise, np.float32)


def _read(song: str) -> Signal:
    import soundfile

    samples: Signal = soundfile.read(song, dtype="float32", always_2d=True)[0].T.copy()
    return samples


CHILDREN: dict[str, Callable[..., None]] = {
    "apply_model": apply_model_child,
    "ours": ours_child,
    "ours, all off": lambda *names: ours_child(*names, optimised=False),
    "sections": sections_child,
}

if __name__ == "__main__":
    CHILDREN[sys.argv[1]](*sys.argv[2:])
