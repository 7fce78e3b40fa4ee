"""What a recording is like: how far its music reaches, how loud it is and how loud its noise.

Its hum is `find_hum`'s, its clicks are ``DeclickFindings.per_minute``. Every function reads the
whole recording once, in blocks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from morphsep.dsp import LoudnessMeter, Reader, Seconds, dbfs, power, samples, sections
from morphsep.restoration.frames import decibels, spectra
from morphsep.restoration.noise_floor import frame_size, noise_floor

Floats = npt.NDArray[np.float64]

BANDS_PER_OCTAVE = 12
LOWEST_HZ = 40.0
LOUD, MIDDLE = 0.95, 0.5
ABOVE_NOISE_DB = 10.0
"""Loud moments of a band in which there is music are so far above its noise."""
ABOVE_REST_DB = 15.0
"""Or the band is all along so far above one that lies higher: music without rests."""
DEPTH_DB, DEPTH_BELOW_DB = 80.0, 40.0
"""What lies so far below the strongest band is the skirt of a filter, or nothing; the second counts
below that band, where a guitar does not fall off."""
GAP = 3
"""So many bands in a row without music are the end of it."""
CLASSES, LOWEST_DB = 260, -200
"""Levels are counted in classes of 1 dB."""
PIECE: Seconds = 0.4
QUIET = 0.05
BLOCK: Seconds = 10.0


class Band(NamedTuple):
    """From a frequency to another, Hz."""

    low_hz: float
    high_hz: float


def surviving_band(recording: Reader) -> Band:
    """The band in which there is music, in Hz, to 1/12 octave. ``(0, 0)`` for silence.

    Clicks reach higher than the music: measure after `Declick`.
    """
    rate = recording.info.sample_rate
    size = frame_size(rate)
    edges = _edges(rate, size)
    levels = _levels(recording, size, edges)
    if not levels.any():
        return Band(0.0, 0.0)
    loud, middle = (_quantile(levels, quantile) for quantile in (LOUD, MIDDLE))
    noise = decibels(_banded(noise_floor(recording)[None], edges)[0])
    lowest_above = np.minimum.accumulate(middle[::-1])[::-1]
    music = (loud > noise + ABOVE_NOISE_DB) | (middle > lowest_above + ABOVE_REST_DB)
    strongest = int(np.argmax(loud))
    music[:strongest] &= loud[:strongest] > loud[strongest] - DEPTH_BELOW_DB
    music[strongest:] &= loud[strongest:] > loud[strongest] - DEPTH_DB
    first, last = _run_around(music, strongest)
    return Band(float(edges[first] * rate / size), float(edges[last + 1] * rate / size))


def noise_level(recording: Reader) -> float:
    """RMS in dBFS of the quietest twentieth of the recording, in pieces of 0.4 s, the mean of the
    channels' powers; digital silence is left out, and -inf if there is nothing else."""
    info = recording.info
    piece = samples(PIECE, info.sample_rate)
    levels = list[float]()
    for span in sections(info.num_samples // piece, max(1, round(BLOCK / PIECE))):
        sound = recording.read(span.start * piece, span.num_samples * piece).astype(np.float64)
        powers = np.mean(sound.reshape(len(sound), -1, piece) ** 2, axis=(0, 2))
        levels.extend(powers[powers > 0].tolist())
    return dbfs(float(np.quantile(levels, QUIET)) ** 0.5) if levels else float("-inf")


def loudness(recording: Reader) -> float:
    """Integrated loudness in LUFS (ITU-R BS.1770-4); -inf for silence."""
    info = recording.info
    meter = LoudnessMeter(info.sample_rate, info.num_channels)
    for span in sections(info.num_samples, samples(BLOCK, info.sample_rate)):
        meter.add(recording.read(span.start, span.num_samples))
    return meter.integrated()


def _edges(rate: int, size: int) -> npt.NDArray[np.int64]:
    """Bins at which bands begin, and the end of the last one."""
    octaves = np.log2(0.5 * rate / LOWEST_HZ)
    hertz = LOWEST_HZ * 2 ** (np.arange(int(octaves * BANDS_PER_OCTAVE) + 1) / BANDS_PER_OCTAVE)
    return np.unique(np.rint(np.append(hertz, 0.5 * rate) * size / rate).astype(np.int64))


def _banded(powers: Floats, edges: npt.NDArray[np.int64]) -> Floats:
    """Mean power of the bins of each band, ``[n, bands]``."""
    sums = np.add.reduceat(powers[:, : edges[-1]], edges[:-1], axis=1)
    return np.asarray(sums / np.diff(edges))


def _levels(recording: Reader, size: int, edges: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many frames have which level, ``[CLASSES, bands]``; digital silence is left out."""
    counts = np.zeros((CLASSES, len(edges) - 1), np.int64)
    bands = np.arange(len(edges) - 1)
    for block in spectra(recording, size, size):
        powers = power(block).astype(np.float64)
        for levels in decibels(_banded(powers[powers.any(axis=1)], edges)):
            counts[np.clip(levels - LOWEST_DB, 0, CLASSES - 1).astype(int), bands] += 1
    return counts


def _quantile(counts: npt.NDArray[np.int64], quantile: float) -> Floats:
    """Of each band's levels, dB."""
    reached = np.cumsum(counts, axis=0) >= quantile * counts.sum(axis=0)
    return np.asarray(np.argmax(reached, axis=0) + LOWEST_DB + 0.5)


def _run_around(music: npt.NDArray[np.bool_], place: int) -> tuple[int, int]:
    """The first and the last band of the music around one band."""
    from scipy.ndimage import binary_closing, label

    padded = np.pad(music, GAP)
    whole = binary_closing(padded, np.ones(GAP, bool))[GAP:-GAP] | music
    whole[place] = True
    runs = label(whole)[0]
    inside = np.flatnonzero(runs == runs[place])
    return int(inside[0]), int(inside[-1])
