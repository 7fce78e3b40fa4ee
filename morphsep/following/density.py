"""How many notes begin in a second."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from morphsep.following.frames import PER_SECOND

Floats = npt.NDArray[np.float64]

NEAR = 3
"""Frames on each side among which an onset is the largest."""
BEFORE, AFTER = 10, 7
"""Frames over whose mean an onset rises."""
RISE = 0.15
"""Of the flux that the strongest 2 % reach: by so much it rises over that mean."""
STRONG = 98.0
WINDOW = 200
"""Frames (2 s) of the Hann window through which onsets are counted: half of it in effect."""


def density(flux: Floats, plays: npt.NDArray[np.bool_]) -> Floats:
    """Onsets a second, ``[F]``.

    Args:
        plays: the frames in which a note may begin.
    """
    from scipy.signal import fftconvolve

    window = np.hanning(WINDOW + 1)
    marks = onsets(flux, plays).astype(np.float64)
    counted = fftconvolve(marks, window / window.sum(), mode="full")[WINDOW // 2 :][: len(flux)]
    return np.maximum(counted, 0.0) * PER_SECOND


def onsets(flux: Floats, plays: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Frames in which a note begins: peaks of the flux, picked as S. Böck, F. Krebs and M. Schedl
    do, "Evaluating the online capabilities of onset detection methods", Proc. ISMIR 2012."""
    from scipy.ndimage import maximum_filter1d

    if not plays.any():
        return np.zeros(len(flux), np.bool_)
    strong = float(np.percentile(flux[plays], STRONG))
    total = np.cumsum(np.concatenate(([0.0], flux)))
    at = np.arange(len(flux))
    first, stop = np.maximum(at - BEFORE, 0), np.minimum(at + AFTER + 1, len(flux))
    mean = (total[stop] - total[first]) / (stop - first)
    largest = maximum_filter1d(flux, 2 * NEAR + 1, mode="nearest")
    return np.asarray(plays & (flux == largest) & (flux > mean + RISE * strong))
