"""Sounds as a browser plays them, with their spectrograms."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal, log_mel, mel_power
from morphsep.evaluation.document import Clip, Players
from morphsep.evaluation.page.png import png

MOST_BYTES = 12 << 20
"""Of a page's sounds and pictures, before they are written as text, which takes a third more."""
SHOWN_DB = 60.0
"""Range of levels in a picture, dB."""


def clips(sounds: Mapping[str, Signal]) -> list[Clip]:
    """Sounds to compare, by their labels, ``[C, T]`` at 44.1 kHz. One gain for all of them, where
    one would pass full scale; in their pictures the same colour is the same level."""
    peak = max(float(np.abs(sound).max()) for sound in sounds.values())
    mono = {label: sound.mean(axis=0, keepdims=True) for label, sound in sounds.items()}
    loudest = max(float(mel_power(sound).max()) for sound in mono.values()) or 1.0
    return [
        Clip(
            label=label, sound=_flac(sound / max(peak, 1.0)), picture=_picture(mono[label], loudest)
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


def _flac(sound: Signal) -> bytes:
    """16 bits: every browser plays them, and what they lose is not heard."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, sound.T, MODEL_RATE, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def _picture(sound: Signal, loudest: float) -> bytes:
    """Log-mel spectrogram of ``[1, T]``, low bands at the bottom."""
    decibels = log_mel(sound, reference=loudest)[0]
    return png(np.asarray(decibels.T[::-1] / SHOWN_DB + 1, np.float64))
