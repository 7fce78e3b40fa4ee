"""Synthesised material: a plucked string, drums and bass, a driven tone, and files of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from morphsep.dsp.signal import Signal


def pluck(num_samples: int, rate: int, pitch: float, seed: int) -> np.ndarray:
    """A plucked string (Karplus and Strong, 1983), float64 ``[T]``."""
    period = round(rate / pitch)
    string = np.zeros(period + 1 + max(period, num_samples))  # silent before it is plucked
    start, end = period + 1, period + 1 + num_samples
    string[start : start + period] = np.random.default_rng(seed).uniform(-1, 1, period)
    for first in range(start + period, end, period):
        earlier = string[first - period - 1 : min(first, end - period)]
        string[first : first + period][: earlier.size - 1] = (
            0.498 * earlier[:-1] + 0.498 * earlier[1:]
        )
    return string[start:end]


def guitar(seconds: float, rate: int = 44100, channels: int = 2, seed: int = 0) -> Signal:
    """Notes twice a second, ``[C, T]``, peak about 0.3."""
    total = round(seconds * rate)
    out = np.zeros(total)
    pitches = (110.0, 164.8, 220.0, 130.8, 196.0, 246.9)
    for index, start in enumerate(range(0, total, rate // 2)):
        length = min(rate, total - start)
        note = pluck(length, rate, pitches[index % len(pitches)], seed + index)
        out[start : start + length] += note
    out *= 0.3 / max(np.abs(out).max(), 1e-9)
    pan = np.linspace(1.0, 0.7, channels)[:, None]
    return (out * pan).astype(np.float32)


def backing(seconds: float, rate: int = 44100, channels: int = 2, seed: int = 99) -> Signal:
    """Drum-like bursts and a bass tone, ``[C, T]``, peak about 0.3."""
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(seed).standard_normal((channels, time.size))
    drums = noise * np.exp(-40 * (time % 0.5)) * 0.15
    bass = 0.15 * np.sin(2 * np.pi * 55 * time)
    return (drums + bass).clip(-0.4, 0.4).astype(np.float32)


def write(path: Path, audio: Signal, rate: int = 44100, subtype: str = "PCM_16") -> Path:
    """Writes ``[C, T]`` and returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio.T, rate, subtype)
    return path


def song(
    folder: Path,
    seconds: float = 12.0,
    rate: int = 44100,
    channels: int = 2,
    subtype: str = "PCM_16",
    name: str = "song.wav",
) -> Path:
    """A mix and, beside it, NAME.guitar.wav in float: returns the mix's path."""
    stem = guitar(seconds, rate, channels)
    write(folder / f"{Path(name).stem}.guitar.wav", stem, rate, "FLOAT")
    return write(folder / name, stem + backing(seconds, rate, channels), rate, subtype)


def read(path: Path) -> np.ndarray:
    """``[C, T]`` float64."""
    return np.asarray(soundfile.read(path, dtype="float64", always_2d=True)[0].T)


@dataclass(frozen=True, kw_only=True)
class Drive:
    """tanh, up to ``peak``; 0 dB is the stem itself."""

    decibels: float = 0.0
    peak: float = 0.2
    name: str = "drive"
    description: str = "synthetic"
    context: tuple[int, int] = (7, 5)

    def fingerprint(self) -> str:
        return repr(self)

    def render(self, stem: Signal, start: int, level: float) -> Signal:
        if self.decibels == 0:
            return stem
        return np.asarray(self.peak * np.tanh(stem * 10 ** (self.decibels / 20)), np.float32)
