"""The two types and the two numbers that every other module shares."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Signal = npt.NDArray[np.float32]
"""Audio: float32 ``[C, T]``, full scale = 1.0; a curve over time is a Signal of shape ``[T]``."""

Seconds = float
"""Time as people write it. Only at the edges: inside, time is an integer number of samples."""

MODEL_RATE = 44_100
"""Sample rate in Hz at which separators, tones and backends work."""


def dbfs(linear: float) -> float:
    """Level in dBFS of a linear amplitude (1.0 = 0 dBFS); -inf for 0.

    >>> round(dbfs(0.5), 2)
    -6.02
    """
    return float(20 * np.log10(linear)) if linear > 0 else float("-inf")


def rms_dbfs(signal: Signal) -> float:
    """Level in dBFS of a signal's root mean square, over all its channels.

    >>> round(rms_dbfs(np.full((2, 8), 0.5, np.float32)), 2)
    -6.02
    """
    return dbfs(float(np.sqrt(np.mean(signal.astype(np.float64) ** 2))))


def from_db(decibels: float) -> float:
    """Linear factor of a gain in dB.

    >>> from_db(20.0)
    10.0
    """
    return float(10 ** (decibels / 20))


SILENT = from_db(-90.0)
"""Peak below which a stem counts as silent: the last bit of a 16-bit recording."""
