"""Sounds as a browser plays them, with their spectrograms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from morphsep.dsp import Signal, mel_power
from morphsep.evaluation.document import Clip, Players
from morphsep.page import flac, mel_picture

MOST_BYTES = 12 << 20
"""Of a page's sounds and pictures, before they are written as text, which takes a third more."""


def clips(sounds: Mapping[str, Signal]) -> list[Clip]:
    """Sounds to compare, by their labels, ``[C, T]`` at 44.1 kHz. One gain for all of them, where
    one would pass full scale; in their pictures the same colour is the same level."""
    peak = max(float(np.abs(sound).max()) for sound in sounds.values())
    mono = {label: sound.mean(axis=0, keepdims=True) for label, sound in sounds.items()}
    loudest = max(float(mel_power(sound).max()) for sound in mono.values()) or 1.0
    return [
        Clip(
            label=label, sound=flac(sound / max(peak, 1.0)),
            picture=mel_picture(mono[label], loudest),
        )
        for label, sound in sounds.items()
    ]  # fmt: skip


def fitting(groups: Iterable[Players]) -> Iterator[Players]:
    """The first of these, as many as fit into `MOST_BYTES`."""
    size = 0
    for group in groups:
        size += sum(len(clip.sound) + len(clip.picture) for clip in group.clips)
        if size > MOST_BYTES:
            return
        yield group
