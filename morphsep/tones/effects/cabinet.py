"""Cabinet: what a guitar loudspeaker in its box does to the spectrum, as a minimum-phase filter."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, Signal
from morphsep.tones.effects.effect import Parameter, Setting, Value, level, number
from morphsep.tones.effects.frames import overlap_add, overlap_save

TAPS = 2048
SIZE = 8192
HOP = 384
FLOOR_DB = -72.0
KNOTS = 256
"""Depths for which a moving cabinet is computed; between two of them it is blended (error below -80
dB)."""


class Cabinet:
    """A closed box: high-pass with a resonance, a dip in the low mids, presence, steep low-pass.

    ``depth`` scales the whole response in dB, so that 0 is a wire, 1 the cabinet, and 0.5 the
    cabinet with half its decibels: two cabinets in series at depths 1 - a and a are the
    log-magnitude interpolation of both.
    """

    parameters: Mapping[str, Parameter] = MappingProxyType(
        {
            "depth": Parameter(default=1.0, low=0, high=1, scale="linear", neutral=0.0),
            "low_hz": Parameter(default=90.0, low=20, high=400),
            "resonance_db": Parameter(default=4.0, low=-12, high=12),
            "dip_db": Parameter(default=-4.0, low=-18, high=12),
            "presence_db": Parameter(default=6.0, low=-12, high=18),
            "high_hz": Parameter(default=5000.0, low=1500, high=16000),
        }
    )
    rank = 4
    exact_when_neutral = True

    def context(self, settings: Mapping[str, Setting]) -> tuple[int, int]:
        return TAPS + HOP, HOP

    def process(self, signal: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        voice = tuple(number(settings[k]) for k in self.parameters if k != "depth")
        depth = level(settings["depth"])
        if isinstance(depth, np.ndarray):
            return _moving(signal, start, voice, depth)
        response = _response(voice, SIZE, float(depth))
        return _fixed(signal, start, response)


def magnitude_db(hz: npt.NDArray[np.float64], voice: tuple[float, ...]) -> npt.NDArray[np.float64]:
    """The cabinet's magnitude in dB at these frequencies, floored at ``FLOOR_DB``."""
    low, resonance, dip, presence, high = voice
    hz = np.maximum(hz, 1.0)

    def bell(centre: float, octaves: float) -> npt.NDArray[np.float64]:
        return np.asarray(np.exp(-((np.log2(hz / centre) / octaves) ** 2)))

    total = -10 * np.log10(1 + (low / hz) ** 6) - 10 * np.log10(1 + (hz / high) ** 14)
    total += resonance * bell(low * 1.3, 0.45) + dip * bell(430.0, 0.8)
    total += presence * bell(high * 0.52, 0.55) - 5 * bell(high * 0.8, 0.12)
    return np.asarray(np.maximum(total, FLOOR_DB))


@lru_cache(maxsize=32)
def _log_response(voice: tuple[float, ...]) -> npt.NDArray[np.float64]:
    """Folded cepstrum of the magnitude, ``[SIZE]``: its transform is the log of the minimum-phase
    response (Oppenheim and Schafer, Discrete-Time Signal Processing, on the cepstrum)."""
    from scipy import fft

    hz = np.arange(SIZE // 2 + 1) * MODEL_RATE / SIZE
    cepstrum = fft.irfft(magnitude_db(hz, voice) * (np.log(10) / 20), SIZE)
    folded = np.zeros(SIZE)
    folded[0], folded[SIZE // 2] = cepstrum[0], cepstrum[SIZE // 2]
    folded[1 : SIZE // 2] = 2 * cepstrum[1 : SIZE // 2]
    return folded


@lru_cache(maxsize=512)
def _response(voice: tuple[float, ...], size: int, depth: float) -> npt.NDArray[np.complex64]:
    """Response of the filter cut to ``TAPS`` with a faded end, ``[size // 2 + 1]``."""
    from scipy import fft

    taps = fft.irfft(np.exp(depth * fft.rfft(_log_response(voice))), SIZE)[:TAPS]
    taps[TAPS // 2 :] *= np.hanning(TAPS + 1)[TAPS // 2 : -1]
    return np.asarray(fft.rfft(taps, size), np.complex64)


def _fixed(signal: Signal, start: int, response: npt.NDArray[np.complex64]) -> Signal:
    from scipy import fft

    def apply(frames: Signal, these: slice) -> Signal:
        return np.asarray(fft.irfft(fft.rfft(frames) * response, SIZE), np.float32)

    return overlap_save(signal, start, size=SIZE, before=TAPS, after=0, apply=apply)


def _moving(signal: Signal, start: int, voice: tuple[float, ...], depth: Signal) -> Signal:
    size = 8 * HOP
    assert size >= TAPS + 2 * HOP

    def response(centres: npt.NDArray[np.int64]) -> npt.NDArray[np.complex64]:
        at = depth[np.clip(centres - start, 0, depth.size - 1)].astype(np.float64) * KNOTS
        below = np.floor(at).astype(np.int64)
        knots = np.arange(below.min(), below.max() + 2)
        table = np.stack([_response(voice, size, k / KNOTS) for k in knots])
        lower, upper = table[below - knots[0]], table[below - knots[0] + 1]
        return np.asarray(lower + (upper - lower) * (at - below)[:, None].astype(np.float32))

    return overlap_add(signal, start, hop=HOP, size=size, response=response)
