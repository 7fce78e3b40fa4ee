"""MFCCs as librosa computes them by default, and SoundMorpher's correspondence."""

from __future__ import annotations

import numpy as np

from morphsep.dsp import Signal, mel_power
from morphsep.evaluation.metrics.floats import Floats
from morphsep.evaluation.metrics.rates import mono_at

RATE = 22_050
NUM_COEFFICIENTS = 20
RANGE_DB = 80.0
"""Floor below the sound's own loudest mel power."""


def mfcc(sound: Signal, sample_rate: int) -> Floats:
    """``[frames, 20]`` of ``[C, T]``, in dB: mono at 22.05 kHz, 128 Slaney mel bands of frames of
    2048 samples every 512, power in dB, orthonormal DCT-II. Equal to ``librosa.feature.mfcc`` with
    its defaults to 0.01 dB (float32 spectra)."""
    from scipy.fft import dct

    power = mel_power(mono_at(sound, sample_rate, RATE)[None], rate=RATE)[0].astype(np.float64)
    decibels = 10 * np.log10(np.maximum(power, 1e-10))
    floored = np.maximum(decibels, decibels.max() - RANGE_DB)
    coefficients: Floats = dct(floored, type=2, norm="ortho", axis=-1)[:, :NUM_COEFFICIENTS]
    return coefficients


def correspondence(middle: Signal, source: Signal, target: Signal, sample_rate: int) -> float:
    """``|D0 / (D0 + D1) - 1/2|`` of the middle sound of a sequence, 0 to 0.5; 0: as far from either
    end. D: mean over frames of the Euclidean distance of the MFCCs; all ``[C, T]``.

    SoundMorpher (arXiv 2410.02144), "MFCCs_E". A plain average of both ends is good at it. 0 where
    all three are the same.
    """
    here, start, end = (mfcc(each, sample_rate) for each in (middle, source, target))
    d0, d1 = (float(np.linalg.norm(here - there, axis=-1).mean()) for there in (start, end))
    return abs(d0 / (d0 + d1) - 0.5) if d0 + d1 > 0 else 0.0
