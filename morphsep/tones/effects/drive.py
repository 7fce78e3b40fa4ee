"""Drive: a waveshaper between two band limits, as in an overdriven amplifier stage."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import numpy as np

from morphsep.signal import MODEL_RATE, Signal
from morphsep.tones.effects import Parameter, Setting, Value, level
from morphsep.tones.effects.frames import framed, overlap_save, straight

OVERSAMPLING = 2
SIZE = 4096
TAPS = 64
"""Reach of the band limits to either side, in samples at 44.1 kHz."""
REACH = 2 * TAPS + 1
NEPERS = np.float32(np.log(10) / 20)
"""In a dB."""
RMS = 0.126
"""RMS amplitude of a guitar at the reference loudness, near enough to set drives by."""
STEP = 64
"""Samples between two computed values of a moving make-up gain."""


class Drive:
    """Clips the signal; the loudness stays, to first order, whatever the drive.

    ``drive_db`` is the gain into the clipper at the reference loudness, ``hardness`` goes from a
    tube's round knee (0) to a diode's corner (1), ``asymmetry`` shifts the signal against the
    clipper by that many of its RMS amplitudes: even harmonics, and notes that choke as they decay.

    Aliasing: two-fold oversampling, and the clipper averaged over each step (first-order
    antiderivative antialiasing: Parker, Zavalishin, Le Bivic, DAFx-16), in forms of the
    differences that do not cancel in float32.
    """

    parameters: Mapping[str, Parameter] = MappingProxyType(
        {
            "drive_db": Parameter(default=20.0, low=-24, high=60, scale="linear", neutral=-12.0),
            "hardness": Parameter(default=0.0, low=0, high=1, scale="linear"),
            "asymmetry": Parameter(default=0.0, low=-1, high=1, scale="linear"),
        }
    )
    rank = 3
    exact_when_neutral = False

    def context(self, settings: Mapping[str, Setting]) -> tuple[int, int]:
        return REACH, REACH

    def process(self, signal: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        gain = np.exp(np.asarray(level(settings["drive_db"]), np.float32) * NEPERS)
        hardness = np.asarray(level(settings["hardness"]), np.float32)
        bias = np.asarray(level(settings["asymmetry"]) * RMS * gain, np.float32)
        shaped = _oversampled(signal * gain, start, hardness, bias)
        return np.asarray(shaped * makeup(gain, hardness, bias), np.float32)


def shape(u: Signal, hardness: Signal) -> Signal:
    """The clipper's curve: ``u / sqrt(1 + u^2)`` blended with ``clip(u, -1, 1)``."""
    soft = u / np.sqrt(1 + u * u)
    if not hardness.any():
        return np.asarray(soft, np.float32)
    return np.asarray(soft + hardness * (np.clip(u, -1, 1) - soft), np.float32)


def shape_steps(u: Signal, hardness: Signal) -> Signal:
    """The clipper's mean over the step to each sample, ``[..., T]``; the first one repeats."""
    out = np.empty_like(u)
    steps = out[..., 1:]
    _soft_steps(u, steps)
    if hardness.any():
        hard = _hard_steps(u)
        hard -= steps
        hard *= hardness[..., 1:] if hardness.ndim else hardness
        steps += hard
    out[..., 0] = steps[..., 0]
    return out


def _soft_steps(u: Signal, out: Signal) -> None:
    root = u * u
    root += 1
    np.sqrt(root, out=root)
    np.add(u[..., 1:], u[..., :-1], out=out)
    out /= root[..., 1:] + root[..., :-1]


def _hard_steps(u: Signal) -> Signal:
    clipped = np.clip(u, -1, 1)
    slope = clipped[..., 1:] - clipped[..., :-1]
    step = u[..., 1:] - u[..., :-1]
    # A step of nothing has no slope; the tiny term only keeps 0 / 0 out.
    step += np.float32(1e-30)
    slope /= step
    over = np.subtract(u, clipped)
    np.add(over[..., 1:], over[..., :-1], out=step)
    slope *= step
    np.add(clipped[..., 1:], clipped[..., :-1], out=step)
    slope += step
    slope *= np.float32(0.5)
    return slope


def makeup(gain: Signal, hardness: Signal, bias: Signal) -> Signal:
    """Gain that gives a Gaussian signal of the reference its RMS back; a scalar or ``[T]``."""
    curves = np.broadcast_arrays(gain, hardness, bias)
    length = curves[0].size
    knots = np.minimum(np.arange(0, length + STEP, STEP), length - 1)
    at_knots = _makeup(*(np.atleast_1d(c)[knots] for c in curves))
    if gain.ndim == hardness.ndim == bias.ndim == 0:
        return np.asarray(at_knots[0])
    return straight(at_knots, STEP)[:length]


def _makeup(gain: Signal, hardness: Signal, bias: Signal) -> Signal:
    normal = np.linspace(-4, 4, 81, dtype=np.float32)
    weight = np.exp(-(normal**2) / 2)
    u = gain[:, None] * normal * RMS + bias[:, None]
    shaped = shape(u, hardness[:, None])
    mean = np.average(shaped, axis=1, weights=weight)
    power = np.average(shaped**2, axis=1, weights=weight) - mean**2
    return np.asarray(RMS / np.sqrt(power), np.float32)


@cache
def _band_limit() -> tuple[Signal, Signal]:
    """Responses on the way up and down, ``[SIZE // 2 + 1]``; the latter undoes delay
    and droop of the mean over a step."""
    from scipy import fft, signal

    taps = 2 * TAPS * OVERSAMPLING + 1
    window = signal.firwin(taps, 20_900, window=("kaiser", 10.0), fs=MODEL_RATE * OVERSAMPLING)
    centred = np.roll(np.pad(window, (0, SIZE * OVERSAMPLING - taps)), -(taps // 2))
    response = fft.rfft(centred).real[: SIZE // 2 + 1]
    turn = np.pi * np.arange(SIZE // 2 + 1) / (SIZE * OVERSAMPLING)
    up, down = response * OVERSAMPLING, response * np.exp(1j * turn) / np.cos(turn) / OVERSAMPLING
    return up.astype(np.float32), down.astype(np.complex64)


def _oversampled(signal: Signal, start: int, hardness: Signal, bias: Signal) -> Signal:
    from scipy import fft

    up, down = _band_limit()

    def frames_of(curve: Signal) -> Signal:
        view, _ = framed(curve[None], start, SIZE, REACH, REACH)
        return view

    hardness_frames = frames_of(hardness) if hardness.ndim else None
    bias_frames = frames_of(bias) if bias.ndim else None

    def finely(frames: Signal | None, constant: Signal, these: slice) -> Signal:
        return constant if frames is None else np.repeat(frames[:, these], OVERSAMPLING, -1)

    def apply(frames: Signal, these: slice) -> Signal:
        fine = fft.irfft(fft.rfft(frames) * up, SIZE * OVERSAMPLING)
        knee = finely(hardness_frames, hardness, these)
        rest = finely(bias_frames, bias, these)
        fine += rest
        shaped = shape_steps(fine, knee)
        # The same arithmetic as above, so that silence stays silence to the last bit.
        shaped -= shape_steps(rest, knee) if rest.ndim else shape_steps(rest.repeat(2), knee)[1]
        return np.asarray(fft.irfft(fft.rfft(shaped)[..., : SIZE // 2 + 1] * down, SIZE))

    return overlap_save(signal, start, size=SIZE, before=REACH, after=REACH, apply=apply)
