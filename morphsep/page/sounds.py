"""Sounds as a browser plays them, and their spectrograms."""

from __future__ import annotations

import io

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal, log_mel
from morphsep.page.png_file import png

SHOWN_DB = 60.0
"""Range of levels in a picture, dB."""


def flac(sound: Signal) -> bytes:
    """``[C, T]`` at 44.1 kHz as FLAC. 16 bits: every browser plays them, and what they lose is not
    heard."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, sound.T, MODEL_RATE, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def mel_picture(sound: Signal, loudest: float, shown_db: float = SHOWN_DB) -> bytes:
    """Log-mel spectrogram of ``[1, T]`` as PNG, low bands at the bottom.

    Args:
        loudest: mel power of the lightest colour, for pictures that are to be compared.
        shown_db: what is softer than that by so much is black; 80 at most.
    """
    decibels = log_mel(sound, reference=loudest)[0]
    return png(np.asarray(decibels.T[::-1] / shown_db + 1, np.float64))
