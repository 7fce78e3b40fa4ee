"""What a sound is like on average, whatever is played: levels in ERB bands, how they are spread
over time, and how much lies between the partials.

Levels are averaged as powers to 0.3 (a band's loudness, S. S. Stevens 1955), so that neither a
few loud notes nor the pauses decide. All three say something about an amplifier: the averages
about its filters, the spread and the gaps between partials about its clipping, which sustains
notes and fills the gaps with products of intermodulation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Signal, erb_bands, hann

Levels = npt.NDArray[np.float64]
"""dB in each band, ``[NUM_BANDS]``."""

N_FFT = 4096
HOP = 2048
NUM_BANDS = 40
EXPONENT = 0.3
QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
ACTIVE_DB = 35.0
"""Frames this far below the loud ones count as pauses."""
DEPTH_DB = 40.0
"""Levels are followed down to this far below a band's average; what is lower is noise."""
GAP_DB = 15.0
"""Gaps between partials are followed down to this far below a band's level: clipping fills them
further, and how much deeper they are without it says only how few notes sound."""
AUDIBLE_DB = (-50.0, -30.0)
"""Level against the strongest band where a band begins to count, and counts in full."""
SILENT_DB = (-80.0, -60.0)
"""The same for a band that a filter can lift: below that there is nothing but noise."""
SMOOTHING = 2.5
"""Bands over which gains are averaged (standard deviation): single notes must not be seen."""
CHANCE_DB = 6.0
"""Difference of two averages that other notes alone may cause: gains that small are mostly
dropped."""
MOST_DB = 24.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Statistics:
    """Long-term statistics of a sound."""

    mean_db: Levels
    """Average level in each band, against the K-weighted loudness of all of them."""
    spread_db: Levels
    """Quantiles over time of the level in each band against its average,
    ``[len(QUANTILES), NUM_BANDS]``."""
    flatness_db: Levels
    """Geometric against arithmetic mean of the bins' powers in each band: -2.5 for noise, less
    for partials with gaps between them, down to about -10."""

    @property
    def weights(self) -> Levels:
        """How much each band counts, in [0, 1]."""
        return self._above(AUDIBLE_DB)

    @property
    def liftable(self) -> Levels:
        """How much of each band a filter can lift, in [0, 1]: 0 where the band is silent."""
        return self._above(SILENT_DB)

    @property
    def gaps_db(self) -> float:
        """``flatness_db`` of all bands: how full the gaps between partials are."""
        return float(np.average(self.flatness_db, weights=self.weights))

    def _above(self, limits: tuple[float, float]) -> Levels:
        low, high = limits
        below = self.mean_db - self.mean_db.max()
        return np.asarray(np.clip((below - low) / (high - low), 0, 1))


def statistics(pieces: Sequence[Signal]) -> Statistics | None:
    """Statistics of pieces ``[C, T]`` of one sound; None if they are silent."""
    bands = erb_bands(N_FFT, NUM_BANDS)
    to_bands = bands.to_bands.astype(np.float64)
    bins = np.concatenate([powers(piece) for piece in pieces])
    levels = bins @ to_bands
    loud = levels @ bands.loudness
    active = loud > np.quantile(loud, 0.95) * 10 ** (-ACTIVE_DB / 10)
    if not active.any():
        return None
    bins, levels = bins[active], levels[active]
    mean = np.mean(levels**EXPONENT, axis=0) ** (1 / EXPONENT) + 1e-12 * levels.max()
    floor = mean * 10 ** (-DEPTH_DB / 10)
    spread = np.quantile(_db(np.maximum(levels, floor)), QUANTILES, axis=0) - _db(mean)
    width = to_bands.sum(axis=0)
    arithmetic = np.maximum(levels, floor) / width
    finest = np.maximum(
        bins, (arithmetic * 10 ** (-GAP_DB / 10)) @ bands.to_bins.astype(np.float64)
    )
    flatness = np.mean(_db(finest) @ to_bands / width - _db(arithmetic), axis=0)
    return Statistics(
        mean_db=_db(mean / (mean @ bands.loudness)), spread_db=spread, flatness_db=flatness
    )


def distance(a: Statistics, b: Statistics) -> float:
    """How differently two sounds behave over time and between their partials, in dB; what a
    filter could change is left out."""
    weights = np.maximum(a.weights, b.weights)
    over_time = np.abs(a.spread_db - b.spread_db)
    # A sound's soft moments depend on what is played more than the loud ones do.
    apart = over_time[3:].mean(axis=0) + 0.5 * over_time[:2].mean(axis=0)
    apart += np.abs(a.flatness_db - b.flatness_db)
    return float(np.average(apart, weights=weights))


def filter_gains(sound: Statistics, reference: Statistics) -> Levels:
    """Gains in dB, ``[NUM_BANDS]``, that bring a sound's average levels near the reference's.

    Smooth over the bands; small differences may come from the notes and are left mostly as they
    are; bands in which both are inaudible, or the sound is silent, follow their neighbours.
    """
    numbers = np.arange(NUM_BANDS)
    near = np.exp(-0.5 * ((numbers[:, None] - numbers) / SMOOTHING) ** 2)
    near *= np.maximum(sound.weights, reference.weights) * sound.liftable + 1e-3
    smooth = near @ (reference.mean_db - sound.mean_db) / near.sum(axis=1)
    kept = smooth**3 / (smooth**2 + CHANCE_DB**2)
    return np.asarray(np.clip(kept, -MOST_DB, MOST_DB))


def powers(piece: Signal) -> npt.NDArray[np.float64]:
    """Power of each bin and frame, mean of the channels, ``[F, K]``."""
    from scipy.fft import rfft

    padded = np.pad(piece, ((0, 0), (0, max(0, N_FFT - piece.shape[1]))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT, axis=-1)[:, ::HOP]
    spectrum = rfft(frames * hann(N_FFT), axis=-1)
    return np.asarray(np.mean(np.abs(spectrum).astype(np.float64) ** 2, axis=0))


def _db(power: Levels) -> Levels:
    return np.asarray(10 * np.log10(np.maximum(power, 1e-30)))
