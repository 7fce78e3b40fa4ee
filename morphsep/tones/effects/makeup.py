"""The gain that makes up for what a clipper does to the loudness."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Signal, compiled
from morphsep.tones.effects.frames import knots, straight

TAPS = 64
"""Reach of a drive's band limits to either side, in samples at 44.1 kHz."""
RMS = 0.126
"""RMS amplitude of a guitar at the reference loudness, accurate enough to set drives by."""
STEP = 128
"""Samples between two computed values of a moving make-up gain, on the song's grid."""
JUMP = 0.1
"""Nepers by which the gain moves between two of them at most, or each sample has its own: a
straight line would be up to 30 dB too loud."""


def makeup(gain: Signal, hardness: Signal, bias: Signal, start: int) -> Signal:
    """Gain that restores the RMS of a Gaussian signal at the reference loudness; a scalar or
    ``[T]``."""
    curves = np.broadcast_arrays(gain, hardness, bias)
    if not curves[0].ndim:
        return np.asarray(_exact_makeup(*(curve[None] for curve in curves))[0])
    length, late = curves[0].size, start % STEP
    positions = knots(start, length, STEP)
    at_knots = [curve.take(positions, mode="clip") for curve in curves]
    out = straight(_exact_makeup(*at_knots), STEP)[late:][:length]
    jumps = np.flatnonzero(_ranges(np.log(curves[0]), np.log(at_knots[0]), late) > JUMP)
    for step in jumps:
        here = slice(max(step * STEP - late, 0), (step + 1) * STEP - late)
        out[here] = _exact_makeup(*(curve[here] for curve in curves))
    return _lowest_near(out, jumps * STEP - late) if jumps.size else out


def _lowest_near(gain: Signal, starts: npt.NDArray[np.int64]) -> Signal:
    """A gain that is low already where the band limit lets a louder sound ring, before and behind
    a jump of the drive; elsewhere as it is.

    Args:
        starts: of the steps in which it jumps.
    """
    from scipy.ndimage import minimum_filter1d

    low = minimum_filter1d(gain, 2 * TAPS + 1, mode="nearest")
    out = gain.copy()
    for start in starts:
        here = slice(max(start - TAPS, 0), max(start + STEP + TAPS, 0))
        out[here] = low[here]
    return out


def _ranges(curve: Signal, at_knots: Signal, late: int) -> Signal:
    """Largest less smallest value of a curve ``[T]`` between each two knots, these among them.

    Args:
        late: samples by which the curve begins behind its first knot.
    """
    starts = np.maximum(np.arange(at_knots.size - 1) * STEP - late, 0)
    inside = np.flatnonzero(starts < curve.size)
    low, high = (np.minimum(at_knots[:-1], at_knots[1:]), np.maximum(at_knots[:-1], at_knots[1:]))
    low[inside] = np.minimum(low[inside], np.minimum.reduceat(curve, starts[inside]))
    high[inside] = np.maximum(high[inside], np.maximum.reduceat(curve, starts[inside]))
    return np.asarray(high - low)


def _exact_makeup(gain: Signal, hardness: Signal, bias: Signal) -> Signal:
    """For ``[n]`` each."""
    # what is constant over a curve is a read-only view
    own = np.array(gain), np.array(hardness), np.array(bias)
    out = np.empty(gain.size, np.float32)
    _makeup(*own, *_gaussian(), out)
    return out


@cache
def _gaussian() -> tuple[Signal, Signal]:
    """Amplitudes of a signal at the reference loudness, and their shares of it."""
    normal = np.linspace(-4, 4, 81, dtype=np.float32)
    weight = np.exp(-(normal**2) / 2)
    return normal * np.float32(RMS), weight / weight.sum()


@compiled
def _makeup(
    gain: Signal, hardness: Signal, bias: Signal, normal: Signal, weight: Signal, out: Signal
) -> None:
    one = np.float32(1)
    for k in range(gain.size):
        mean = square = 0.0
        for i in range(normal.size):
            u = gain[k] * normal[i] + bias[k]
            soft = u / np.sqrt(one + u * u)
            shaped = soft + hardness[k] * (min(max(u, -one), one) - soft)
            mean += weight[i] * shaped
            square += weight[i] * shaped * shaped
        out[k] = RMS / np.sqrt(square - mean * mean)
