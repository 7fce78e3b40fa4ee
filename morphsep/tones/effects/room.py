"""What a room adds to a sound, as impulse responses: reflections off its walls, and a tail.

The tail is Gaussian noise whose octaves each fall at one rate (Moorer, "About this reverberation
business", 1979; Jot, Cerveau, Warusfel, AES 103, 1997). The noise is the same for every room, so a
room half-way between two has the mean of their decay rates on its scale and never two slopes, as
the sum of two rooms would.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, Signal, compiled, from_db, gaussian, in_octaves

MID_HZ = 500.0
"""Up to here every octave has the room's own reverberation time."""
BANDS = 6
"""Up to ``MID_HZ``, and the octaves above it."""
OCTAVES_TO_HIGH = 4
"""From ``MID_HZ`` to 8 kHz, where ``high_ratio`` holds."""
LOWEST_HZ = 40.0
"""No room answers a guitar below."""
LONGEST_S, LATEST_MS = 10.0, 250.0
NOISE = 1 << 19
"""Samples of noise: more than the longest tail has."""
NEPERS_OF_T60 = math.log(1000)
"""An amplitude has fallen by 60 dB."""
RISE = 441
"""Samples over which the tail sets in."""
FALL = 0.1
"""Share of a tail over which its cut end is faded: from -54 dB on."""
REFLECTIONS = 14
FIRST_MS, LAST_MS = 4.0, 60.0
"""When the reflections come."""
SEED = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A room as heard from one place in it; every level is relative to the direct sound."""

    t60_s: float
    """Time in which sound up to 500 Hz falls by 60 dB."""
    high_ratio: float
    """The same at 8 kHz, as a share of it; in between it changes evenly by octaves."""
    pre_delay_ms: float
    """From the direct sound to the tail."""
    late_db: float
    """Energy of the tail's lowest octaves."""
    early_db: float
    """Energy of the reflections before it."""

    @property
    def num_samples(self) -> int:
        """Until the tail has fallen by 60 dB."""
        last = max(self.pre_delay_ms / 1000 + self.t60_s, LAST_MS / 1000)
        return math.ceil(last * MODEL_RATE) + 1

    def response(self) -> Signal:
        """All but the direct sound, ``[2, num_samples]``: two responses that do not resemble each
        other."""
        out = np.zeros((2, self.num_samples), np.float32)
        t60 = self.t60_s * self.high_ratio ** (np.arange(BANDS) / OCTAVES_TO_HIGH)
        kept = np.exp(-NEPERS_OF_T60 / (t60 * MODEL_RATE))
        onset = round(self.pre_delay_ms / 1000 * MODEL_RATE)
        energy = self.t60_s * MODEL_RATE / (2 * NEPERS_OF_T60)
        gain = from_db(self.late_db) / math.sqrt(energy)
        _add_tail(_noise(), kept, onset, gain, out)
        early = _reflections()
        out[:, : early.shape[1]] += np.float32(from_db(self.early_db)) * early
        return out


@compiled
def _add_tail(
    noise: Signal, kept: npt.NDArray[np.float64], onset: int, gain: float, out: Signal
) -> None:
    """Noise ``[2, BANDS, NOISE]`` from the onset on, each band times ``kept`` a sample."""
    size = out.shape[1]
    faded = round(FALL * (size - onset))
    for band in range(kept.size):
        level = gain
        for i in range(onset, size):
            edge = min(1.0, (i - onset + 1) / RISE, (size - i) / faded)
            factor = np.float32(level * edge)
            out[0, i] += factor * noise[0, band, i]
            out[1, i] += factor * noise[1, band, i]
            level *= kept[band]


@lru_cache(maxsize=1)
def _noise() -> Signal:
    """White noise of variance 1 above ``LOWEST_HZ``, in octaves, ``[2, BANDS, NOISE]``."""
    white = np.stack([next(gaussian(SEED, ear, range(1), (NOISE,))) for ear in range(2)])
    return in_octaves(white, MID_HZ, BANDS, LOWEST_HZ)


@lru_cache(maxsize=1)
def _reflections() -> Signal:
    """Sparse echoes of energy 1, ``[2, T]``; they fall with the way they have come."""
    out = np.zeros((2, math.ceil(LAST_MS / 1000 * MODEL_RATE)), np.float32)
    for ear in range(2):
        turns, heights = next(gaussian(SEED, 2 + ear, range(1), (2, REFLECTIONS)))
        # one in each of as many equal parts of the time on a logarithmic scale
        part = (np.arange(REFLECTIONS) + 0.5 + np.clip(turns / 4, -0.45, 0.45)) / REFLECTIONS
        ms = FIRST_MS * (LAST_MS / FIRST_MS) ** part
        at = np.minimum((ms / 1000 * MODEL_RATE).astype(np.int64), out.shape[1] - 1)
        out[ear, at] = np.sign(heights) * FIRST_MS / ms
    out /= np.sqrt(np.sum(out**2, axis=1, keepdims=True))
    return out
