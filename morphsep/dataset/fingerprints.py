"""Audio fingerprints: whether two recordings hold the same sound, whatever they are called.

After J. Haitsma and T. Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR 2002): every 23
ms a word of 32 bits, each the sign of how the energy of neighbouring bands changes over time. It
survives lossy coding, resampling and a change of gain. Here the frames overlap less than in the
paper, as whole recordings are compared and not seconds of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, Signal

Words = npt.NDArray[np.uint32]

VERSION = 1
"""Raised whenever the words of the same sound change."""
DECIMATION = 4
RATE = MODEL_RATE // DECIMATION
FRAME = 4096
HOP = 256
"""Both in samples at `RATE`."""
BANDS = 33
RANGE_HZ = (200.0, 3000.0)
BLOCK = 60 * MODEL_RATE
"""Samples at 44.1 kHz that are read at a time."""
AT_ONCE = 256
"""Frames whose spectra are in memory."""
QUIET = 1e-8
"""Mean power of a frame below which its word says nothing, linear."""
NOTHING = np.uint32(0)
"""The word of a frame that says nothing."""


def fingerprint(read: Callable[[int, int], Signal], num_samples: int) -> Words:
    """The words of a recording.

    Args:
        read: ``read(start, n)`` -> ``[C, n]`` at 44.1 kHz.
        num_samples: of the recording.
    """
    energies = np.concatenate(list(_energies(read, num_samples)) or [np.zeros((0, BANDS))])
    if len(energies) < 2:
        return np.zeros(0, np.uint32)
    across = np.diff(energies, axis=1)
    bits = np.diff(across, axis=0) < 0
    words = bits @ (np.uint32(1) << np.arange(BANDS - 1, dtype=np.uint32))
    loud = energies.sum(axis=1)[1:] > QUIET
    return np.where(loud, words, NOTHING).astype(np.uint32)


def _energies(
    read: Callable[[int, int], Signal], num_samples: int
) -> Iterator[npt.NDArray[np.float64]]:
    """Mean power in each band, ``[frames, bands]``, block by block."""
    import soxr
    from scipy.fft import rfft

    window = np.hanning(FRAME + 1)[:-1].astype(np.float32)
    resampler = soxr.ResampleStream(MODEL_RATE, RATE, 1, dtype="float32")
    rest = np.zeros(0, np.float32)
    for start in range(0, num_samples, BLOCK):
        block = read(start, min(BLOCK, num_samples - start)).mean(axis=0, dtype=np.float32)
        made = resampler.resample_chunk(block, last=start + BLOCK >= num_samples)
        sound = np.concatenate([rest, made])
        frames = max(0, (len(sound) - FRAME) // HOP + 1)
        rest = sound[frames * HOP :]
        if frames:
            seen = np.lib.stride_tricks.sliding_window_view(sound, FRAME)[: frames * HOP : HOP]
            for first in range(0, frames, AT_ONCE):
                spectrum = rfft(seen[first : first + AT_ONCE] * window, axis=1)
                power = spectrum.real**2 + spectrum.imag**2
                yield power @ _filters() / FRAME**2


@cache
def _filters() -> npt.NDArray[np.float64]:
    """``[FRAME // 2 + 1, BANDS]``: bands side by side, equally wide by ratio."""
    edges = np.geomspace(*RANGE_HZ, BANDS + 1)
    hertz = np.arange(FRAME // 2 + 1) * RATE / FRAME
    inside = (hertz[:, None] >= edges[:-1]) & (hertz[:, None] < edges[1:])
    return np.asarray(inside / np.maximum(inside.sum(axis=0), 1))
