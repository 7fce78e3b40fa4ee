"""The training songs: six stems each, in one key and tempo, as one compact int16 array."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.train_separator import notes, sound, stems
from jobs.train_separator.studio import SECONDS, Studio
from morphsep.dsp import Signal

STEMS = ("guitar", "guitar 2", "drums", "bass", "keys", "lead")
GUITARS = 2
"""The number of guitars among them; they come first."""
TRAIN_RATE = 22_050
RATES = {"train": TRAIN_RATE, "validation": TRAIN_RATE, "test": sound.RATE}
LEVEL = 0.08
"""RMS of every stem where it sounds."""


def song(number: int, studio: Studio) -> npt.NDArray[np.int16]:
    """``[S, 2, T]`` of song `number`: the same at every run."""
    rng = np.random.default_rng([{"train": 1, "validation": 2, "test": 3}[studio.split], number])
    plan = notes.plan(rng, SECONDS)
    makers = (
        *(stems.guitar, stems.guitar, stems.drums),
        *(stems.bass, stems.keys, stems.lead),
    )
    rate = RATES[studio.split]
    return np.stack([_compact(make(plan, studio, rng), rate) for make in makers])


def _compact(samples: Signal, rate: int) -> npt.NDArray[np.int16]:
    """Resampled to `rate`, at the common level, scaled down where it would clip."""
    import soxr

    low = soxr.resample(sound.fitted(samples, SECONDS * sound.RATE).T, sound.RATE, rate).T
    loud = np.sqrt((low**2).mean(axis=0).reshape(-1, rate).mean(axis=1))
    sounding = loud[loud > 0.1 * loud.max()] if loud.max() > 1e-6 else np.ones(1)
    scaled = low * (LEVEL / np.sqrt(np.mean(sounding**2)))
    peak = float(np.abs(scaled).max())
    return np.asarray(np.round(scaled * (32767 / max(peak, 1.0))), np.int16)


def _make(number: int, studio: Studio, folder: Path) -> int:
    """Write one song, unless it is there."""
    path = folder / f"{number:04d}.npy"
    if not path.exists():
        partial_path = path.with_suffix(".part")
        with partial_path.open("wb") as file:
            np.save(file, song(number, studio))
        os.replace(partial_path, path)
    return number


def prepare(unpacked: Path, folder: Path, split: str, count: int, workers: int) -> None:
    """Write songs 0 to `count` of a split as ``folder/split/NUMBER.npy``; skips finished ones."""
    target = folder / split
    target.mkdir(parents=True, exist_ok=True)
    make = partial(_make, studio=Studio(unpacked=unpacked, split=split), folder=target)
    with ProcessPoolExecutor(workers) as pool:
        for number in pool.map(make, range(count)):
            print(f"{split} {number + 1}/{count}", flush=True)
