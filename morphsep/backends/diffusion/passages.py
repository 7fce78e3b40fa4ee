"""Passages as voices and back: channels, rate and level."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from morphsep.backends.backend import Passage
from morphsep.backends.diffusion.voices import Rendering, Voice
from morphsep.backends.diffusion.window import Window
from morphsep.backends.ends import crossfade
from morphsep.dsp import Signal, from_db

PEAK = 0.5
"""Peak of the model's input, as in SoundMorpher's front end."""
SILENT = from_db(-90.0)


def peak_of(passages: Sequence[Passage]) -> float:
    """The highest sample at 16 kHz in both tones."""
    return max((_peak(passage) for passage in passages), default=0.0)


def gain_of(passage: Passage) -> float:
    """Gain to the model's level: one for the whole track and both tones, as ``measure`` found it,
    or else the passage's own."""
    peak = passage.facts.get("peak") or _peak(passage)
    return PEAK / peak if peak > 0 else 1.0


def _peak(passage: Passage) -> float:
    ends = (window_of(passage).down(end) for end in (passage.source, passage.target))
    return max(float(np.abs(end).max(initial=0.0)) for end in ends)


def window_of(passage: Passage) -> Window:
    """The model's grid around a passage."""
    return Window(start=passage.start, num_samples=passage.stem.shape[1])


def morphed(passages: Sequence[Passage], rendering: Rendering) -> list[Signal]:
    """Each passage through the model, ``[C, T]`` at 44.1 kHz, nothing above 8 kHz. Equal channels
    are rendered once; silent ones are crossfaded."""
    firsts = [_first_alike(passage) for passage in passages]
    keys = [
        (number, channel)
        for number, passage in enumerate(passages)
        for channel in sorted(set(firsts[number]))
        if not _is_silent(passage, channel)
    ]
    voices = [_voice(passages[number], channel) for number, channel in keys]
    made = dict(zip(keys, rendering.sounds(voices), strict=True))
    out = []
    for number, passage in enumerate(passages):
        sound = crossfade(passage.source, passage.target, passage.amount)
        for channel, first in enumerate(firsts[number]):
            if (number, first) in made:
                heard = made[number, first] / np.float32(gain_of(passage))
                sound[channel] = window_of(passage).up(heard[None])[0]
        out.append(sound)
    return out


def _voice(passage: Passage, channel: int) -> Voice:
    """One channel: at 16 kHz, without its mean, at the model's level."""
    window, gain = window_of(passage), np.float32(gain_of(passage))
    source, target = (
        gain * (heard - heard.mean(dtype=np.float64)).astype(np.float32)
        for heard in (window.down(end[[channel]])[0] for end in (passage.source, passage.target))
    )
    amounts = window.frame_means(passage.amount)
    return Voice(source=source, target=target, amounts=amounts, warn=passage.warn)


def _first_alike(passage: Passage) -> list[int]:
    """For each channel the first that is the same in both tones."""
    ends = [np.stack(both) for both in zip(passage.source, passage.target, strict=True)]
    return [next(i for i, other in enumerate(ends) if np.array_equal(end, other)) for end in ends]


def _is_silent(passage: Passage, channel: int) -> bool:
    ends = (passage.source[channel], passage.target[channel])
    return all(float(np.abs(end).max(initial=0.0)) < SILENT for end in ends)
