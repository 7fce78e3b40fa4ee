"""A picture of a curve below the sound that it was taken from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, hann, mel_filters
from morphsep.following.frames import SIZE, Read
from morphsep.page import png
from morphsep.request import Curve

Floats = npt.NDArray[np.float64]

COLUMNS = 1200
BANDS, TALL = 80, 3
"""Mel bands, and the rows of each."""
CURVE = 160
"""Rows of the amounts from 0 to 1."""
RANGE_DB = 60.0
BACK, LINE, AREA = 0.0, 0.25, 0.7
"""Places in the palette."""
TINY = 1e-12


def picture(curve: Curve, read: Read, num_samples: int) -> bytes:
    """Spectrogram and curve as PNG, one below the other, with a mark every 10 s (every minute above
    5 minutes) between them.

    Args:
        read: the stem, of which no more than a frame a column is read.
    """
    middles = ((np.arange(COLUMNS) + 0.5) * num_samples / COLUMNS).astype(np.int64)
    sound = np.repeat(_spectrogram(read, middles), TALL, axis=0)
    return png(np.concatenate((sound, _marks(middles, num_samples), _area(curve, middles))))


def _spectrogram(read: Read, middles: npt.NDArray[np.int64]) -> Floats:
    """``[BANDS, COLUMNS]`` in 0 ... 1, low bands last."""
    from scipy.fft import rfft

    frames = np.stack([read(int(at) - SIZE // 2, SIZE) for at in middles])
    power = np.square(np.abs(rfft(frames * hann(SIZE), axis=-1))).mean(axis=1)
    bands = power @ mel_filters(BANDS, SIZE, MODEL_RATE).T
    decibels = 10 * np.log10(bands / (bands.max() + TINY) + TINY)
    return np.asarray(decibels.T[::-1] / RANGE_DB + 1)


def _marks(middles: npt.NDArray[np.int64], num_samples: int) -> Floats:
    """Rows between sound and curve."""
    every = (10 if num_samples <= 300 * MODEL_RATE else 60) * MODEL_RATE
    new = np.diff(middles // every, prepend=0) > 0
    return np.where(np.arange(8)[:, None] < 6, np.where(new, 1.0, BACK), BACK)


def _area(curve: Curve, middles: npt.NDArray[np.int64]) -> Floats:
    """``[CURVE, COLUMNS]``: light below the amounts, lines at quarters."""
    amounts = np.array([curve.at(int(at), 1)[0] for at in middles])
    heights = 1 - (np.arange(CURVE) + 0.5) / CURVE
    quarters = np.isin(np.arange(CURVE), np.arange(0, CURVE, CURVE // 4))[:, None]
    return np.where(heights[:, None] <= amounts, AREA, np.where(quarters, LINE, BACK))
