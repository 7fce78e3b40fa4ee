"""Drive: a waveshaper between two band limits, as in an overdriven amplifier stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal, compiled
from morphsep.tones.effects.effect import Parameter, Setting, Value, level
from morphsep.tones.effects.frames import framed, overlap_save
from morphsep.tones.effects.makeup import RMS, STEP, TAPS, makeup
from morphsep.tones.effects.power import CELL, per_sample, smoothed_power

OVERSAMPLING = 4
SIZE = 4096
ROUND = 64
"""A short frame is a multiple of it, so that few of them need band limits of their own."""
BAND_LIMIT = 20_900.0
"""Hz."""
KAISER = 10.0
"""Shape of the window over them."""
REACH = 2 * TAPS + 1
NEAR = max(REACH, STEP + TAPS)
"""Samples to either side that count for one: a step that is cut off may jump, which is heard as far
as the band limit reaches."""
NEPERS = np.float32(np.log(10) / 20)
"""Nepers in a dB."""
LEVEL_REACH = 16
"""Cells over which the level is averaged that a shift follows: +-23 ms."""
SETTLE = CELL * (LEVEL_REACH + 2)


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
        reach = NEAR + (SETTLE if level(settings["follow"]) else 0)
        return reach, reach

    def process(self, signal: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        into = Into.clipper(settings, _amplitude(signal, start, level(settings["follow"])))
        shaped = _oversampled(signal * into.gain, start, into.hardness, into.bias)
        makeup_gain = makeup(into.gain, into.hardness, into.usual, start)
        return np.asarray(shaped * makeup_gain, np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Into:
    """What a signal meets on its way into the clipper: scalars, or ``[T]`` where it moves."""

    gain: Signal
    hardness: Signal
    bias: Signal
    """Added behind the gain."""
    usual: Signal
    """The bias of a guitar at the reference loudness."""

    @classmethod
    def clipper(cls, settings: Mapping[str, Value], amplitude: Signal) -> Into:
        """At an amplitude that counts for the asymmetry, a scalar or ``[T]``."""
        gain = np.exp(np.asarray(level(settings["drive_db"]), np.float32) * NEPERS)
        shift = np.asarray(level(settings["asymmetry"]) * gain, np.float32)
        return cls(
            gain=gain,
            hardness=np.asarray(level(settings["hardness"]), np.float32),
            bias=np.asarray(shift * amplitude),
            usual=np.asarray(shift * np.float32(RMS)),
        )

    def near(self) -> Into:
        """All but what only the make-up gain looks at: see `driven`."""
        cut = slice(NEAR - REACH, REACH - NEAR)
        curves = {name: getattr(self, name) for name in ("gain", "hardness", "bias", "usual")}
        return Into(**{k: v[cut] if v.ndim else v for k, v in curves.items()})


def driven(signal: Signal, start: int, settings: Mapping[str, Value], before: int) -> Signal:
    """What `Drive` plays in the midst of a signal, in one short frame.

    Args:
        signal: ``[C, before + n + before]``.
        start: the song's sample of ``signal[:, 0]``.
        settings: numbers, or curves ``[NEAR + n + NEAR]``.
        before: ``Drive.context``.

    Returns:
        ``[C, n]``.
    """
    far = before - NEAR
    amplitude = _amplitude(signal, start, level(settings["follow"]), far)
    into = Into.clipper(settings, amplitude)
    around = into.near()
    heard = signal[:, before - REACH : REACH - before]
    size = -(-heard.shape[1] // ROUND) * ROUND
    frame = np.zeros((len(signal), 1, size), np.float32)
    np.multiply(heard, around.gain, out=frame[:, 0, : heard.shape[1]])
    knee, shift = (_finely_once(curve, size) for curve in (around.hardness, around.bias))
    shaped = clipped(frame, knee, shift)[:, 0, REACH : heard.shape[1] - REACH]
    gain = makeup(into.gain, into.hardness, into.usual, start + far)
    return np.asarray(shaped * (gain[NEAR:-NEAR] if gain.ndim else gain), np.float32)


def _amplitude(signal: Signal, start: int, follow: float | Signal, cut: int = 0) -> Signal:
    """The RMS amplitude that counts for the asymmetry, a scalar or ``[T]`` without ``cut`` samples
    at either end."""
    usual = np.asarray(RMS, np.float32)
    if not np.any(follow):
        return usual
    powers, centres = smoothed_power(signal, start, LEVEL_REACH)
    here = per_sample(np.sqrt(powers).astype(np.float32), centres, signal.shape[-1])
    here = here[cut : here.size - cut]
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


@cache
def _band_limit(size: int) -> tuple[Signal, Signal]:
    """Responses on the way up and down, ``[size // 2 + 1]``; the latter undoes delay
    and droop of the mean over a step."""
    from scipy import fft
    from scipy.special import i0

    # a windowed sinc, by hand: `scipy.signal` takes a second to import
    reach = TAPS * OVERSAMPLING
    place = np.arange(-reach, reach + 1)
    kaiser = i0(KAISER * np.sqrt(1 - (place / reach) ** 2)) / i0(KAISER)
    taps = np.sinc(2 * BAND_LIMIT / (MODEL_RATE * OVERSAMPLING) * place) * kaiser
    centred = np.roll(np.pad(taps / taps.sum(), (0, size * OVERSAMPLING - taps.size)), -reach)
    response = fft.rfft(centred).real[: size // 2 + 1]
    turn = np.pi * np.arange(size // 2 + 1) / (size * OVERSAMPLING)
    up, down = response * OVERSAMPLING, response * np.exp(1j * turn) / np.cos(turn) / OVERSAMPLING
    return up.astype(np.float32), down.astype(np.complex64)


def _oversampled(signal: Signal, start: int, hardness: Signal, bias: Signal) -> Signal:
    knees, biases = (_finely(curve, start) for curve in (hardness, bias))

    def apply(frames: Signal, these: slice) -> Signal:
        return clipped(frames, knees(these), biases(these))

    return overlap_save(signal, start, size=SIZE, before=REACH, after=REACH, apply=apply)


def _finely_once(curve: Signal, size: int) -> Signal:
    """A setting in one oversampled frame of ``size`` samples, ``[1, T]``; its last value on."""
    row = np.full(size, curve[-1] if curve.ndim else curve, np.float32)
    row[: curve.size if curve.ndim else 0] = curve
    return row.repeat(OVERSAMPLING)[None]


def clipped(frames: Signal, knee: Signal, shift: Signal) -> Signal:
    """Frames ``[C, F, T]`` through the clipper, at ``OVERSAMPLING`` times their rate; ``REACH``
    samples at both their ends are worth nothing.

    Args:
        frames: of an even length.
        knee: the hardness, ``[F or 1, OVERSAMPLING * T]``.
        shift: the bias, likewise.
    """
    from scipy import fft

    size = frames.shape[-1]
    up, down = _band_limit(size)
    # The same arithmetic as for the signal, so that silence stays silence to the last bit.
    nothing = np.zeros((1, max(len(knee), len(shift)), shift.shape[1]), np.float32)
    silent = shape_steps(nothing, shift, knee, nothing[0])[0]
    fine = fft.irfft(fft.rfft(frames) * up, size * OVERSAMPLING)
    shaped = shape_steps(fine, shift, knee, silent)
    return np.asarray(fft.irfft(fft.rfft(shaped)[..., : size // 2 + 1] * down, size))


def _finely(curve: Signal, start: int) -> Callable[[slice], Signal]:
    """A setting in some of the oversampled frames ``[F, T]``; one row where it is constant."""
    if not curve.ndim:
        row = np.full((1, OVERSAMPLING * SIZE), curve)
        return lambda these: row
    frames, _ = framed(curve[None], start, SIZE, REACH, REACH)
    return lambda these: np.repeat(frames[0, these], OVERSAMPLING, -1)
