"""Drive: a waveshaper between two band limits, as in an overdriven amplifier stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, Signal, compiled
from morphsep.tones.effects.effect import Parameter, Setting, Value, level
from morphsep.tones.effects.frames import framed, knots, overlap_save, straight
from morphsep.tones.effects.power import CELL, per_sample, smoothed_power

OVERSAMPLING = 4
SIZE = 4096
BAND_LIMIT = 20_900.0
"""Hz."""
TAPS = 64
"""Reach of the band limits to either side, in samples at 44.1 kHz."""
KAISER = 10.0
"""Shape of the window over them."""
REACH = 2 * TAPS + 1
NEPERS = np.float32(np.log(10) / 20)
"""Nepers in a dB."""
RMS = 0.126
"""RMS amplitude of a guitar at the reference loudness, accurate enough to set drives by."""
LEVEL_REACH = 16
"""Cells over which the level is averaged that a shift follows: +-23 ms."""
SETTLE = CELL * (LEVEL_REACH + 2)
STEP = 128
"""Samples between two computed values of a moving make-up gain, on the song's grid."""
JUMP = 0.1
"""Nepers by which the gain moves between two of them at most, or each sample has its own: a
straight line would be up to 30 dB too loud."""


class Drive:
    """Clips the signal; the loudness stays, to first order, whatever the drive.

    ``drive_db`` is the gain into the clipper at the reference loudness, ``hardness`` goes from a
    tube's round knee (0) to a diode's corner (1), ``asymmetry`` shifts the signal against the
    clipper by that many of its RMS amplitudes: even harmonics. With ``follow`` 0 those are the RMS
    amplitudes of the reference loudness, and notes choke as they decay; with 1 those of the
    moment, as a stage's bias follows what it is fed, and a note keeps its colour to its end.

    Aliasing: four-fold oversampling, and the clipper averaged over each step (first-order
    antiderivative antialiasing: Parker, Zavalishin, Le Bivic, DAFx-16), in forms of the
    differences that do not cancel in float32.
    """

    parameters: Mapping[str, Parameter] = MappingProxyType(
        {
            "drive_db": Parameter(default=20.0, low=-24, high=60, scale="linear", neutral=-12.0),
            "hardness": Parameter(default=0.0, low=0, high=1, scale="linear"),
            "asymmetry": Parameter(default=0.0, low=-1, high=1, scale="linear"),
            "follow": Parameter(default=0.0, low=0, high=1, scale="linear"),
        }
    )
    rank = 3
    exact_when_neutral = False

    def context(self, settings: Mapping[str, Setting]) -> tuple[int, int]:
        # a step that is cut off may jump, which is heard as far as the band limit reaches
        reach = max(REACH, STEP + TAPS)
        reach += SETTLE if level(settings["follow"]) else 0
        return reach, reach

    def process(self, signal: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        gain = np.exp(np.asarray(level(settings["drive_db"]), np.float32) * NEPERS)
        hardness = np.asarray(level(settings["hardness"]), np.float32)
        shift = np.asarray(level(settings["asymmetry"]) * gain, np.float32)
        bias = shift * _amplitude(signal, start, level(settings["follow"]))
        shaped = _oversampled(signal * gain, start, hardness, np.asarray(bias))
        usual = np.asarray(shift * np.float32(RMS))
        return np.asarray(shaped * makeup(gain, hardness, usual, start), np.float32)


def _amplitude(signal: Signal, start: int, follow: float | Signal) -> Signal:
    """The RMS amplitude that counts for the asymmetry, a scalar or ``[T]``."""
    usual = np.asarray(RMS, np.float32)
    if not np.any(follow):
        return usual
    powers, centres = smoothed_power(signal, start, LEVEL_REACH)
    here = per_sample(np.sqrt(powers).astype(np.float32), centres, signal.shape[-1])
    return np.asarray(usual + follow * (here - usual), np.float32)


def shape_steps(u: Signal, bias: Signal, hardness: Signal, offset: Signal) -> Signal:
    """The clipper's mean over the step that leads to each sample; the first one is repeated.

    Its curve is ``u / sqrt(1 + u^2)``, blended by ``hardness`` with ``clip(u, -1, 1)``.

    Args:
        u: frames ``[C, F, T]``.
        bias: added to them, ``[F or 1, T]``.
        hardness: ``[F or 1, T]``.
        offset: subtracted from the result, ``[F or 1, T]``.
    """
    out = np.empty_like(u)
    for frames, to in zip(u, out, strict=True):
        _shape_steps(frames, bias, hardness, offset, to)
    return out


@compiled
def _shape_steps(u: Signal, bias: Signal, hardness: Signal, offset: Signal, out: Signal) -> None:
    one, half, tiny = np.float32(1), np.float32(0.5), np.float32(1e-30)
    x, root, clipped = np.empty_like(u[0]), np.empty_like(u[0]), np.empty_like(u[0])
    for n in range(u.shape[0]):
        row, to, zero = u[n], out[n], offset[n % offset.shape[0]]
        shift, knee = bias[n % bias.shape[0]], hardness[n % hardness.shape[0]]
        for i in range(row.size):
            x[i] = row[i] + shift[i]
            root[i] = np.sqrt(one + x[i] * x[i])
            clipped[i] = min(max(x[i], -one), one)
        for i in range(1, row.size):
            soft = (x[i - 1] + x[i]) / (root[i - 1] + root[i])
            # Equal samples have no slope; the tiny term only avoids 0 / 0.
            slope = (clipped[i] - clipped[i - 1]) / (x[i] - x[i - 1] + tiny)
            over = (x[i] - clipped[i]) + (x[i - 1] - clipped[i - 1])
            hard = (slope * over + (clipped[i] + clipped[i - 1])) * half
            to[i] = soft + knee[i] * (hard - soft) - zero[i]
        to[0] = to[1]


def makeup(gain: Signal, hardness: Signal, bias: Signal, start: int) -> Signal:
    """Gain that restores the RMS of a Gaussian signal at the reference loudness; a scalar or
    ``[T]``."""
    curves = np.broadcast_arrays(gain, hardness, bias)
    if not curves[0].ndim:
        return np.asarray(_exact_makeup(*(curve[None] for curve in curves))[0])
    length, late = curves[0].size, start % STEP
    positions = np.clip(knots(start, length, STEP), 0, length - 1)
    at_knots = [curve[positions] for curve in curves]
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
    normal = np.linspace(-4, 4, 81, dtype=np.float32)
    weight = np.exp(-(normal**2) / 2)
    out = np.empty(gain.size, np.float32)
    _makeup(*own, normal * np.float32(RMS), weight / weight.sum(), out)
    return out


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


@cache
def _band_limit() -> tuple[Signal, Signal]:
    """Responses on the way up and down, ``[SIZE // 2 + 1]``; the latter undoes delay
    and droop of the mean over a step."""
    from scipy import fft
    from scipy.special import i0

    # a windowed sinc, by hand: `scipy.signal` takes a second to import
    reach = TAPS * OVERSAMPLING
    place = np.arange(-reach, reach + 1)
    kaiser = i0(KAISER * np.sqrt(1 - (place / reach) ** 2)) / i0(KAISER)
    taps = np.sinc(2 * BAND_LIMIT / (MODEL_RATE * OVERSAMPLING) * place) * kaiser
    centred = np.roll(np.pad(taps / taps.sum(), (0, SIZE * OVERSAMPLING - taps.size)), -reach)
    response = fft.rfft(centred).real[: SIZE // 2 + 1]
    turn = np.pi * np.arange(SIZE // 2 + 1) / (SIZE * OVERSAMPLING)
    up, down = response * OVERSAMPLING, response * np.exp(1j * turn) / np.cos(turn) / OVERSAMPLING
    return up.astype(np.float32), down.astype(np.complex64)


def _oversampled(signal: Signal, start: int, hardness: Signal, bias: Signal) -> Signal:
    from scipy import fft

    up, down = _band_limit()
    knees, biases = (_finely(curve, start) for curve in (hardness, bias))

    def apply(frames: Signal, these: slice) -> Signal:
        knee, shift = knees(these), biases(these)
        # The same arithmetic as for the signal, so that silence stays silence to the last bit.
        nothing = np.zeros((1, max(len(knee), len(shift)), shift.shape[1]), np.float32)
        silent = shape_steps(nothing, shift, knee, nothing[0])[0]
        fine = fft.irfft(fft.rfft(frames) * up, SIZE * OVERSAMPLING)
        shaped = shape_steps(fine, shift, knee, silent)
        return np.asarray(fft.irfft(fft.rfft(shaped)[..., : SIZE // 2 + 1] * down, SIZE))

    return overlap_save(signal, start, size=SIZE, before=REACH, after=REACH, apply=apply)


def _finely(curve: Signal, start: int) -> Callable[[slice], Signal]:
    """A setting in some of the oversampled frames ``[F, T]``; one row where it is constant."""
    if not curve.ndim:
        row = np.full((1, OVERSAMPLING * SIZE), curve)
        return lambda these: row
    frames, _ = framed(curve[None], start, SIZE, REACH, REACH)
    return lambda these: np.repeat(frames[0, these], OVERSAMPLING, -1)
