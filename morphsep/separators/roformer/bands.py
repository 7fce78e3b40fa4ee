"""Which frequency bins belong to which band."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE
from morphsep.errors import SettingError
from morphsep.separators.roformer.config import Shape


def bands_of(shape: Shape) -> list[slice]:
    """The bins of each band, which lie side by side; every bin is in at least one band.

    Raises:
        SettingError: so many mel bands do not fit the FFT.
    """
    if shape.kind == "bs":
        edges = np.cumsum((0, *shape.bands)).tolist()
        return [slice(a, b) for a, b in itertools.pairwise(edges)]
    (num_bands,) = shape.bands
    inside = mel_bands(num_bands, shape.n_fft)
    # a band that is narrower than a bin may have none, or two that are apart
    starts = np.diff(inside.astype(np.int8), axis=1, prepend=0) == 1
    if not inside.any(axis=0).all() or not (starts.sum(axis=1) == 1).all():
        raise SettingError(f"{num_bands} mel bands do not fit an FFT of {shape.n_fft}.")
    filled = [np.flatnonzero(row).tolist() for row in inside]
    return [slice(bins[0], bins[-1] + 1) for bins in filled]


def widths(bands: list[slice]) -> list[int]:
    """Numbers that each band holds in one frame: two channels, real and imaginary."""
    return [4 * (band.stop - band.start) for band in bands]


def mel_bands(num_bands: int, n_fft: int) -> npt.NDArray[np.bool_]:
    """Where the triangles of Slaney's mel filter bank are above zero, ``[bands, bins]``.

    The first bin belongs to the first band and the last to the last, as in the published networks.
    """
    corners = _mel_to_hertz(np.linspace(0.0, _hertz_to_mel(MODEL_RATE / 2), num_bands + 2))
    bins = np.fft.rfftfreq(n_fft, 1 / MODEL_RATE)
    inside = (bins > corners[:-2, None]) & (bins < corners[2:, None])
    inside[0, 0] = inside[-1, -1] = True
    return np.asarray(inside)


LINEAR = 200 / 3
"""Hz per mel below `KNEE`."""
KNEE = 1000.0
STEP = np.log(6.4) / 27
"""Above it: logarithm of the ratio of frequencies per mel."""


def _hertz_to_mel(hertz: float) -> float:
    return float(KNEE / LINEAR + np.log(hertz / KNEE) / STEP)


def _mel_to_hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    knee = KNEE / LINEAR
    above = KNEE * np.exp(STEP * np.maximum(mel - knee, 0.0))
    return np.where(mel < knee, LINEAR * mel, above)
