"""Clips as training material: excerpts of a recording, at 16 kHz, as latents."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from morphsep.backends.diffusion.training.recipe import SHORTEST_CROP, Recipe
from morphsep.dsp import MODEL_RATE, Seconds, Signal, from_db
from morphsep.errors import SettingError

if TYPE_CHECKING:
    import torch

    from morphsep.backends.diffusion.model import Model
    from morphsep.tones.recordings import Recording

PEAK = 0.5
"""Peak of each excerpt, without its mean: as in the training of the AudioLDM family."""
QUIET = from_db(-30.0)
"""An excerpt this far below the loudest one drawn is left out: it holds a pause."""
TRIES = 4
"""Positions that are drawn for each excerpt."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clip:
    """The recording of one end."""

    name: str
    """The file's name without its folder."""
    fingerprint: str
    """Digest of the file."""
    starts: tuple[Seconds, ...]
    """Positions of its excerpts."""
    seconds: Seconds
    """Length of each excerpt."""
    audio: Signal
    """``[N, T]`` at 16 kHz, mono."""


def read_clip(path: str | Path, recipe: Recipe, sample_rate: int) -> Clip:
    """Reads a clip; from one longer than `Recipe.seconds`, excerpts chosen by the seed (at the same
    positions in two recordings of equal length, except for pauses).

    Raises:
        SettingError: missing, not audio, silent, or shorter than a second.
    """
    import soxr

    from morphsep.tones.recordings import Recording

    recording = Recording(path=str(path))
    if recording.num_samples < SHORTEST_CROP * MODEL_RATE:
        raise SettingError(
            f"{recording.name} lasts {recording.num_samples / MODEL_RATE:.2f} s; an adapter needs "
            "clips of 5 to 10 s"
        )
    length = min(round(recipe.seconds * MODEL_RATE), recording.num_samples)
    starts = _starts(recording, length, recipe)
    mono = [recording.read(start, length).mean(axis=0) for start in starts]
    audio = np.stack([soxr.resample(each, MODEL_RATE, sample_rate, "VHQ") for each in mono])
    audio -= audio.mean(axis=1, keepdims=True)
    audio *= PEAK / np.maximum(np.abs(audio).max(axis=1, keepdims=True), 1e-9)
    return Clip(
        name=recording.name, fingerprint=recording.fingerprint(), seconds=length / MODEL_RATE,
        starts=tuple(start / MODEL_RATE for start in starts), audio=audio.astype(np.float32),
    )  # fmt: skip


def _starts(recording: Recording, length: int, recipe: Recipe) -> list[int]:
    """First samples of the excerpts; one from sample 0 where the clip is no longer than one."""
    room = recording.num_samples - length
    if room == 0:
        return [0]
    draws = np.random.default_rng(recipe.seed).random(TRIES * recipe.crops)
    positions = [int(draw * (room + 1)) for draw in draws]
    levels = [float(np.sqrt(np.mean(recording.read(p, length) ** 2))) for p in positions]
    loud = [p for p, level in zip(positions, levels, strict=True) if level >= QUIET * max(levels)]
    return loud[: recipe.crops]


def latents(model: Model, clip: Clip) -> torch.Tensor:
    """Latents ``[N, 8, F, 16]`` of a clip's excerpts."""
    import torch

    with torch.no_grad():
        each = [model.encode(torch.from_numpy(audio[None])) for audio in clip.audio]
    return torch.cat(each)
