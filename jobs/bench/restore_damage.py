"""Damage as old carriers have it, of known truth: each function takes an undamaged sound and gives
back the damaged one, all at 44.1 kHz, ``[1, T]``."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, Signal, from_db

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.bool_]


class Carrier(NamedTuple):
    """How a kind of carrier changes a sound's spectrum."""

    low_hz: float
    high_hz: float
    resonances: tuple[tuple[float, float, float], ...]
    """Hz, dB, width in octaves."""


CARRIERS = {
    "acoustic 78": Carrier(200, 4000, ((500, 6, 0.4), (1100, -5, 0.4), (2300, 8, 0.4))),
    "electrical 78": Carrier(100, 5500, ((150, -5, 1.0), (3000, 5, 0.8))),
    "worn tape": Carrier(50, 9000, ((80, 4, 0.7), (7000, -10, 1.2))),
}


def limited(sound: Signal, carrier: Carrier) -> Signal:
    """The band and the resonances of a carrier, without delay."""
    spectrum = np.fft.rfft(sound.astype(np.float64))
    hz = np.maximum(np.fft.rfftfreq(sound.shape[1], 1 / MODEL_RATE), 1.0)
    decibels = np.zeros(hz.size)
    for centre, peak, octaves in carrier.resonances:
        decibels += peak * np.exp(-0.5 * (np.log2(hz / centre) / (octaves / 2)) ** 2)
    decibels -= 10 * np.log10(1 + (carrier.low_hz / hz) ** 16)
    decibels -= 10 * np.log10(1 + (hz / carrier.high_hz) ** 24)
    made = np.fft.irfft(spectrum * 10 ** (decibels / 20), sound.shape[1])
    return np.asarray(made, np.float32)


def clicks(sound: Signal, a_second: float, seed: int) -> tuple[Signal, Places]:
    """Clicks of 0.1 to 1 ms, 3 to 30 dB above the sound's RMS, and where they are."""
    rng = np.random.default_rng(seed)
    damaged, places = sound.astype(np.float64), np.zeros(sound.shape[1], bool)
    level = float(np.sqrt(np.mean(damaged**2)))
    for _ in range(round(a_second * sound.shape[1] / MODEL_RATE)):
        length = int(rng.integers(5, 45))
        at = int(rng.integers(300, sound.shape[1] - 300))
        shape = rng.standard_normal(length) * np.exp(-np.arange(length) / (length / 4))
        damaged[0, at : at + length] += from_db(rng.uniform(3, 30)) * level * shape
        places[at : at + length] = True
    return np.clip(damaged, -1, 1).astype(np.float32), places


def hum(num_samples: int, mains: float, dbfs: float, drift_hz: float) -> Signal:
    """Nine lines, falling by 3 dB each; the mains' frequency goes up and down in 20 s."""
    time = np.arange(num_samples) / MODEL_RATE
    turns = np.cumsum(mains + drift_hz * np.sin(2 * np.pi * time / 20)) / MODEL_RATE
    lines: list[Floats] = [
        2**0.5 * from_db(dbfs - 3 * (number - 1)) * np.cos(2 * np.pi * number * turns + number)
        for number in range(1, 10)
    ]
    return np.asarray(np.sum(lines, axis=0)[None], np.float32)


def hiss(num_samples: int, dbfs: float, seed: int) -> Signal:
    """White noise of that RMS."""
    drawn = np.random.default_rng(seed).standard_normal((1, num_samples))
    return np.asarray(from_db(dbfs) * drawn, np.float32)


def wow(sound: Signal, percent: float = 0.2, hz: float = 1.3) -> Signal:
    """The speed goes up and down as with a hole beside the middle of a disc of 78 a minute."""
    time = np.arange(sound.shape[1], dtype=np.float64)
    depth = percent / 100 * MODEL_RATE / (2 * np.pi * hz)
    moved = time + depth * np.sin(2 * np.pi * hz * time / MODEL_RATE)
    from scipy.interpolate import CubicSpline

    return np.asarray(CubicSpline(time, sound[0])(moved)[None], np.float32)
