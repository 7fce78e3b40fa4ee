"""Amplifiers, cabinets and effects for the training guitars, and rooms for everything else."""

from __future__ import annotations

from typing import Any

import numpy as np

from jobs.train_separator.notes import Rng
from jobs.train_separator.sound import RATE
from morphsep.dsp import Signal

CLEAN, CRUNCH, LEAD, ACOUSTIC = "clean", "crunch", "lead", "acoustic"


class Rig:
    """One guitarist's amplifier and pedals, with the same settings for every take."""

    def __init__(self, kind: str, rng: Rng) -> None:
        self.kind = kind
        self._low_cut = rng.uniform(60, 250) if kind == LEAD else rng.uniform(40, 120)
        self._middle = (rng.uniform(500, 1800), rng.uniform(-6, 10))
        self._drive = {CLEAN: rng.uniform(-6, 8), CRUNCH: rng.uniform(10, 26)}.get(
            kind, rng.uniform(26, 52)
        )
        self._bias = rng.uniform(-0.3, 0.3)
        self._treble = (rng.uniform(1500, 4000), rng.uniform(-8, 6))
        self._bass = (rng.uniform(90, 250), rng.uniform(-8, 6))
        self._cabinet = (
            None if kind == ACOUSTIC or (kind == CLEAN and rng.random() < 0.3) else cabinet(rng)
        )
        self._gate = kind == LEAD and rng.random() < 0.6
        self._hiss = 10 ** (rng.uniform(-100, -72) / 20)
        self._pedals = _pedals(kind, rng)

    def played(self, dry: Signal, rng: Rng) -> Signal:
        """One take ``[C, T]`` through the rig, ``[2, T]``."""
        wave = dry.mean(axis=0)
        wave = wave / (np.sqrt(np.mean(wave**2)) * 8 + 1e-9)
        wave = wave + (self._hiss * rng.normal(0, 1, wave.size)).astype(np.float32)
        wave = _peak(_high_pass(wave, self._low_cut), *self._middle)
        if self.kind != ACOUSTIC:
            before = np.sqrt(np.mean(wave**2)) + 1e-9
            driven = np.tanh(10 ** (self._drive / 20) * 2 * wave + self._bias) - np.tanh(self._bias)
            wave = driven * before / (np.sqrt(np.mean(driven**2)) + 1e-9)
        if self._gate:
            wave = _gated(wave, dry.mean(axis=0))
        wave = _shelf(_shelf(wave, *self._bass, low=True), *self._treble, low=False)
        if self._cabinet is not None:
            wave = _convolved(wave, self._cabinet)
        wave = _high_pass(wave, 35)
        return np.asarray(self._pedals(np.stack([wave, wave]).astype(np.float32), RATE), np.float32)


def cabinet(rng: Rng) -> Signal:
    """Impulse response ``[T]``, 20 ms: a closed box with a microphone near the cone."""
    size = 882
    hertz = np.linspace(0, RATE / 2, size // 2 + 1)
    top = rng.uniform(3200, 6500)
    gain = 1 / (1 + (hertz / top) ** rng.choice([6, 8, 12]))
    gain *= (hertz / 90) ** 3 / (1 + (hertz / 90) ** 3)
    for low, high, least, most in (
        (80, 160, 0, 7),
        (300, 700, -8, 2),
        (900, 1800, -4, 4),
        (2000, 4000, 0, 9),
    ):
        centre, boost = rng.uniform(low, high), rng.uniform(least, most)
        gain *= 10 ** (boost / 20 * np.exp(-((np.log2(np.maximum(hertz, 1) / centre) / 0.35) ** 2)))
    ripple = np.convolve(rng.normal(0, 1, gain.size), np.hanning(7) / 3.5, "same")
    gain *= 10 ** (rng.uniform(1, 4) * ripple / 20)
    return _minimum_phase(gain)


def _minimum_phase(gain: Signal) -> Signal:
    size = 2 * (gain.size - 1)
    cepstrum = np.fft.irfft(np.log(np.maximum(gain, 1e-5)), size)
    cepstrum[1 : size // 2] *= 2
    cepstrum[size // 2 + 1 :] = 0
    return np.asarray(np.fft.irfft(np.exp(np.fft.rfft(cepstrum)), size), np.float32)


def _pedals(kind: str, rng: Rng) -> Any:
    import pedalboard as pb

    board: list[Any] = []
    if kind in (CLEAN, ACOUSTIC) and rng.random() < 0.5:
        ratio = float(rng.uniform(2, 6))
        board.append(pb.Compressor(threshold_db=-24, ratio=ratio, attack_ms=8, release_ms=120))
    if kind != ACOUSTIC and rng.random() < 0.2:
        rate, depth = float(rng.uniform(0.2, 3)), float(rng.uniform(0.1, 0.5))
        modulation = pb.Chorus if rng.random() < 0.6 else pb.Phaser
        board.append(modulation(rate_hz=rate, depth=depth))
    if rng.random() < 0.2:
        ranges = ((0.15, 0.5), (0.1, 0.5), (0.1, 0.35))
        board.append(pb.Delay(*(float(rng.uniform(*limits)) for limits in ranges)))
    if rng.random() < 0.5:
        size, wet = float(rng.uniform(0.1, 0.8)), float(rng.uniform(0.03, 0.25))
        board.append(pb.Reverb(room_size=size, wet_level=wet, dry_level=0.5, width=1.0))
    return _board(board)


def room(samples: Signal, rng: Rng) -> Signal:
    """Drums, bass, keys or a voice through a mixing desk, ``[C, T]`` to ``[2, T]``."""
    import pedalboard as pb

    board: list[Any] = [
        pb.LowShelfFilter(float(rng.uniform(80, 300)), float(rng.uniform(-5, 5))),
        pb.PeakFilter(float(rng.uniform(300, 3000)), float(rng.uniform(-6, 6)), 0.8),
        pb.HighShelfFilter(float(rng.uniform(2500, 8000)), float(rng.uniform(-8, 6))),
    ]
    if rng.random() < 0.4:
        board.append(
            pb.Compressor(
                threshold_db=-20, ratio=4, attack_ms=float(rng.uniform(2, 30)), release_ms=100
            )
        )
    if rng.random() < 0.6:
        board.append(
            pb.Reverb(
                room_size=float(rng.uniform(0.1, 0.9)),
                wet_level=float(rng.uniform(0.02, 0.3)),
                dry_level=0.5,
                width=1.0,
            )
        )
    stereo = np.repeat(samples, 2, axis=0) if samples.shape[0] == 1 else samples
    return np.asarray(_board(board)(stereo.astype(np.float32), RATE), np.float32)


def growled(samples: Signal, rng: Rng) -> Signal:
    """A bass through a driven amplifier, mixed with its clean low end."""
    wave = samples.mean(axis=0)
    wave = wave / (np.sqrt(np.mean(wave**2)) * 6 + 1e-9)
    driven = _convolved(
        np.tanh(10 ** (rng.uniform(0, 32) / 20) * _high_pass(wave, 150)), cabinet(rng)
    )
    return np.asarray((wave + np.float32(rng.uniform(0.1, 0.6)) * driven)[None], np.float32)


def panned(samples: Signal, pan: float) -> Signal:
    """``[2, T]``; `pan` from -1 (left) to 1."""
    angle = (pan + 1) * np.pi / 4
    gains = np.array([[np.cos(angle)], [np.sin(angle)]], np.float32) * np.float32(np.sqrt(2))
    return samples * gains


def _board(effects: list[Any]) -> Any:
    from pedalboard._pedalboard import Pedalboard

    return Pedalboard(effects)


def _gated(wave: Signal, key: Signal) -> Signal:
    size = 441
    rows = np.pad(key, (0, -key.size % size)).reshape(-1, size)
    level = np.sqrt((rows**2).mean(axis=1))
    opened = (np.convolve(level > 0.03 * level.max(), np.ones(7), "same") > 0).astype(np.float32)
    smooth = np.interp(np.arange(wave.size), np.arange(opened.size) * size + size / 2, opened)
    return np.asarray(wave * smooth, np.float32)


def _convolved(wave: Signal, response: Signal) -> Signal:
    from scipy.signal import oaconvolve

    return np.asarray(oaconvolve(wave, response)[: wave.size], np.float32)


def _high_pass(wave: Signal, hertz: float) -> Signal:
    from scipy.signal import butter, sosfilt

    return np.asarray(sosfilt(butter(2, hertz, "high", fs=RATE, output="sos"), wave), np.float32)


def _peak(wave: Signal, hertz: float, gain_db: float) -> Signal:
    import pedalboard as pb

    board = _board([pb.PeakFilter(float(hertz), float(gain_db), 0.7)])
    return np.asarray(board(wave[None].astype(np.float32), RATE)[0], np.float32)


def _shelf(wave: Signal, hertz: float, gain_db: float, *, low: bool) -> Signal:
    import pedalboard as pb

    kind = pb.LowShelfFilter if low else pb.HighShelfFilter
    board = _board([kind(float(hertz), float(gain_db))])
    return np.asarray(board(wave[None].astype(np.float32), RATE)[0], np.float32)
