"""Some seconds of a song: its guitar, and what plays beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from morphsep.audio import AudioReader
from morphsep.dsp import MODEL_RATE, SILENT, ModelRateReader, Seconds, Signal, samples, sections
from morphsep.errors import SettingError, TrackError
from morphsep.morphing import recipe_for_arrays, separate_samples
from morphsep.request import make_settings

BLOCK = MODEL_RATE // 4
"""Samples of what is compared to find the loudest passage."""
SHORTEST = MODEL_RATE // 2
"""Samples of a loop in which something can be heard."""
FADE = MODEL_RATE // 200
"""Samples at both ends in which a sound comes and goes, so that a loop does not click."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Excerpt:
    """A passage at 44.1 kHz."""

    path: str
    """Of the song's file."""
    start: Seconds
    guitar: Signal
    """``[C, T]``."""
    backing: Signal | None
    """``[C, T]``: all else; None where the recording is a guitar alone."""

    @property
    def name(self) -> str:
        """Of the song's file, without its ending, in letters that can be written."""
        return PurePath(self.path).stem.encode(errors="replace").decode()

    @property
    def seconds(self) -> Seconds:
        """Its length."""
        return len(self.guitar[0]) / MODEL_RATE


def read_excerpt(
    path: str, *, separator: str = "auto", at: Seconds | None = None, seconds: Seconds = 8.0
) -> Excerpt:
    """A passage of a recording, its guitar separated from it.

    Args:
        at: where it begins; None: where `seconds` of the recording are loudest.
        seconds: its length, less where the recording ends before.
        separator: a name as in `morphsep.request.Settings`; ``none``: the recording is a guitar.

    Raises:
        SettingError: the recording ends before `at` or soon after, or the separator cannot work.
        TrackError: the recording cannot be read or separated, or its guitar rests there.
    """
    recipe = recipe_for_arrays(make_settings(separator=separator))
    with AudioReader(path) as file:
        reader = ModelRateReader(file)
        length = min(samples(seconds), reader.num_samples)
        start = _loudest(reader.read, reader.num_samples, length) if at is None else samples(at)
        length = min(length, reader.num_samples - start)
        if length < SHORTEST:
            raise SettingError(f"{path} ends there: choose an earlier --at")
        song = reader.read(start, length)
    guitar = separate_samples(recipe, song, MODEL_RATE) if recipe.is_estimate else song
    if np.abs(guitar).max() < SILENT:
        raise TrackError("no_guitar", f"{path}: no guitar plays there; choose another --at")
    return Excerpt(
        path=path, start=start / MODEL_RATE, guitar=faded(guitar),
        backing=faded(song - guitar) if recipe.is_estimate else None,
    )  # fmt: skip


def faded(sound: Signal) -> Signal:
    """``[C, T]`` that begins and ends with silence."""
    shape = np.ones(sound.shape[1], np.float32)
    n = min(FADE, len(shape) // 2)
    shape[:n] = np.arange(n, dtype=np.float32) / FADE
    shape[len(shape) - n :] = shape[:n][::-1]
    return sound * shape


def _loudest(read: Callable[[int, int], Signal], num_samples: int, length: int) -> int:
    """Where the passage of this length begins that has the most energy."""
    blocks = sections(num_samples, BLOCK)
    energy = [float(np.square(read(each.start, each.num_samples)).sum()) for each in blocks]
    total = np.cumsum([0.0, *energy])
    width = max(1, length // BLOCK)
    passages = total[width:] - total[:-width]
    return int(passages.argmax()) * BLOCK if len(passages) else 0
