"""How a room's response decays: its reverberation time, and whether it has one slope or two.

The energy that is still to come falls along a straight line in dB where there is one decay (M. R.
Schroeder, "New method of measuring reverberation time", JASA 37, 1965; ISO 3382-1). Where two rooms
are added up, a fast decay goes over into a slow one (N. Xiang, P. Goggans, "Evaluation of decay
times in coupled spaces", JASA 113, 2003). How much of a double slope that is, is told by the late
decay time over the early one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morphsep.dsp.signal import MODEL_RATE, Signal

T30, EARLY, LATE = (-5.0, -35.0), (0.0, -10.0), (-25.0, -35.0)
"""Spans in dB: those of ISO 3382-1's T30 and early decay time, and the end of the former."""
Levels = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decay:
    """A decay to -35 dB."""

    t60_s: float
    """Reverberation time by the best straight line from -5 to -35 dB (T30), in seconds."""
    deviation_db: float
    """Mean distance of the curve from that line, in dB."""
    double_slope: float
    """Reverberation time from -25 to -35 dB, over that from 0 to -10 dB (early decay time): 1 is
    one slope, 10 a decay that becomes ten times as slow."""


def decay_curve(response: Signal) -> Levels:
    """Energy still to come at each sample of ``[C, T]``, in dB of all of it: ``[T]``."""
    energy = np.sum(np.square(response, dtype=np.float64), axis=0)
    left = np.cumsum(energy[::-1])[::-1]
    return np.asarray(10 * np.log10(np.maximum(left / max(left[0], 1e-300), 1e-30)))


def decay(response: Signal, sample_rate: int = MODEL_RATE) -> Decay | None:
    """How a response ``[C, T]`` decays from its first sample on; the direct sound must be cut off.
    None: it ends, or stays level, before it has fallen by 35 dB."""
    curve = decay_curve(response)
    parts = [curve[int(np.argmax(curve < top)) : int(np.argmax(curve < bottom))]
             for top, bottom in (T30, EARLY, LATE)]  # fmt: skip
    if min(part.size for part in parts) < 2:
        return None
    slopes = [_slope(part) for part in parts]
    time = np.arange(parts[0].size) - (parts[0].size - 1) / 2
    off = parts[0] - parts[0].mean() - slopes[0] * time
    return Decay(
        t60_s=-60 / (slopes[0] * sample_rate),
        deviation_db=float(np.mean(np.abs(off))),
        double_slope=slopes[1] / slopes[2],
    )


def _slope(levels: Levels) -> float:
    """Of the best straight line, in dB a sample."""
    time = np.arange(levels.size) - (levels.size - 1) / 2
    return float(time @ levels / (time @ time))


def reverberation_time(band: Levels, sample_rate: int = MODEL_RATE) -> float | None:
    """Reverberation time in seconds of a response ``[T]`` that was measured, noise and all, from
    its first sample on; None: it does not fall by 20 dB before the noise.

    The noise's power is taken off, and what lies below twice of it is cut off (W. T. Chu,
    "Comparison of reverberation measurements using Schroeder's impulse method and decay-curve
    averaging method", JASA 63, 1978); the line goes from -5 to -25 dB, or as far down as there is.
    """
    from scipy.ndimage import uniform_filter1d

    energy = np.square(band, dtype=np.float64)
    noise = float(energy[-max(energy.size // 10, 1) :].mean())
    smooth = uniform_filter1d(energy, max(sample_rate // 50, 1))
    buried = smooth[int(np.argmax(smooth)) :] < 2 * noise
    stop = int(np.argmax(smooth)) + (int(np.argmax(buried)) if buried.any() else buried.size)
    left = np.cumsum((energy[:stop] - noise)[::-1])[::-1]
    if left.size < 2 or left[0] <= 0:
        return None
    curve = 10 * np.log10(np.maximum(left / left[0], 1e-30))
    top, bottom = (int(np.argmax(curve < db)) for db in (-5.0, -25.0))
    floor = 10 * np.log10(max(noise * left.size / left[0], 1e-30))
    if bottom - top < 2 or floor > -5:
        return None
    return -60 / (_slope(curve[top:bottom]) * sample_rate)
