"""Features of a stem in frames that are counted from the song's sample 0, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, Signal, hann, mel_filters, power
from morphsep.following.pitch import pitches

Floats = npt.NDArray[np.float64]
Read = Callable[[int, int], Signal]
"""``read(start, n)`` -> ``[C, n]`` at 44.1 kHz, zeros outside the track."""

HOP = MODEL_RATE // 100
"""Samples from frame to frame (10 ms: times of points are whole hundredths of a second)."""
PER_SECOND = MODEL_RATE // HOP
SIZE = 2048
"""Samples of a frame (46 ms), whose middle is its time."""
BLOCK = 512
"""Frames that are read at a time."""
NUM_BANDS = 40
COMPRESSION = 0.25
"""Exponent of a band's power in the flux: near a logarithm, but of no fixed scale."""
STEP = 2
"""Frames over which a band rises: a frame covers its neighbour by more than half."""
TINY = 1e-12


def num_frames(num_samples: int) -> int:
    """Frames of so many samples: up to the last one's middle within them."""
    return num_samples // HOP + 1


def measure(features: Collection[str], read: Read, num_samples: int) -> dict[str, Floats]:
    """Features over time, ``[F]`` each.

    Args:
        features: of ``brightness`` (octaves), ``flux`` (of no unit) and ``pitch`` (semitones, NaN
            where there is none); ``level`` (dBFS) is always among what comes back.
    """
    found: dict[str, list[Floats]] = {name: [] for name in ("level", *features)}
    before = np.zeros((STEP, NUM_BANDS))
    for frames in _blocks(read, num_frames(num_samples)):
        found["level"].append(_level(frames))
        if {"brightness", "flux"} & found.keys():
            spectrum = _spectrum(frames)
            if "brightness" in found:
                found["brightness"].append(_brightness(spectrum))
            if "flux" in found:
                bands = np.concatenate((before, _bands(spectrum)))
                found["flux"].append(np.maximum(bands[STEP:] - bands[:-STEP], 0.0).sum(axis=1))
                before = bands[-STEP:]
        if "pitch" in found:
            found["pitch"].append(pitches(frames))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _blocks(read: Read, count: int) -> Iterator[Signal]:
    """All frames in order, ``[F, C, SIZE]``; the same blocks however a track is cut."""
    for first in range(0, count, BLOCK):
        number = min(BLOCK, count - first)
        sound = read(first * HOP - SIZE // 2, (number - 1) * HOP + SIZE)
        windows = np.lib.stride_tricks.sliding_window_view(sound, SIZE, axis=-1)
        yield windows[:, ::HOP].transpose(1, 0, 2)


def _level(frames: Signal) -> Floats:
    """Root mean square under a Hann window, dBFS."""
    window = hann(SIZE).astype(np.float64)
    energy = np.square(frames, dtype=np.float64).mean(axis=1) @ (window / window.sum())
    return np.asarray(10 * np.log10(energy + TINY))


def _spectrum(frames: Signal) -> Floats:
    """Power of each bin, the mean of all channels, ``[F, bins]``."""
    from scipy.fft import rfft

    return np.asarray(power(rfft(frames * hann(SIZE), axis=-1)).mean(axis=1, dtype=np.float64))


def _brightness(spectrum: Floats) -> Floats:
    """Octaves of the spectral centroid over 1 Hz, of powers, so that hiss counts little: G. Peeters
    et al., "The Timbre Toolbox", J. Acoust. Soc. Am. 130(5), 2011."""
    hertz = np.arange(spectrum.shape[1]) * (MODEL_RATE / SIZE)
    centroid = (spectrum @ hertz + TINY) / (spectrum.sum(axis=1) + TINY)
    return np.asarray(np.log2(centroid))


def _bands(spectrum: Floats) -> Floats:
    """Compressed powers of mel bands, ``[F, NUM_BANDS]``."""
    return np.asarray((spectrum @ mel_filters(NUM_BANDS, SIZE, MODEL_RATE).T) ** COMPRESSION)
