"""What a tone does to a guitar, measured on synthesised sounds.

All sounds are one channel ``[1, T]`` at the loudness at which pedals expect a guitar.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, LoudnessMeter, Signal, from_db
from morphsep.stops import harmonic_distortion
from morphsep.tones import Tone

LEVEL = -21.0
"""LUFS of one channel; two such channels have -18."""
SOFTER = (-12, -18, -24, -30)
"""dB of a playing that is softer than the track as a whole."""
FADED = 20.0
"""dB by which a held note has fallen when it counts as gone."""
NOISE = -35.0
"""dB of the noise in a pause, against the playing."""
FRAME = 0.02
"""Seconds over which a momentary level is taken."""
SIZE = 1 << 16
"""Samples of a sine of which the spectrum is taken."""

Play = Callable[[Signal], Signal]
Sound = npt.NDArray[np.float64]


def through(tone: Tone) -> Play:
    """A sound through the tone, as a track of the loudness ``LEVEL``."""
    return lambda sound: tone.render(sound, 0, LEVEL)


def loudness(sound: Signal) -> float:
    """Integrated, in LUFS (BS.1770-4)."""
    meter = LoudnessMeter(MODEL_RATE, len(sound))
    meter.add(sound)
    return meter.integrated()


def level(sound: Signal | Sound) -> float:
    """RMS in dBFS."""
    return float(10 * np.log10(np.square(sound, dtype=np.float64).mean() + 1e-20))


def levels(sound: Signal, seconds: float) -> Sound:
    """RMS in dBFS of one frame after the other."""
    size = round(seconds * MODEL_RATE)
    frames = sound[0, : sound.shape[1] // size * size].reshape(-1, size)
    return np.asarray(10 * np.log10(np.square(frames, dtype=np.float64).mean(axis=1) + 1e-20))


@cache
def power_chord(seconds: float = 1.5) -> Signal:
    """A steady A2, E3 and A3 of 12 partials each."""
    time = np.arange(round(seconds * MODEL_RATE)) / MODEL_RATE
    partials = [(f * k, 1 / k) for f in (110.0, 164.8, 220.3) for k in range(1, 13)]
    waves = [a * np.sin(2 * np.pi * f * time + 9 * f) for f, a in partials]
    return _at_level(np.sum(waves, axis=0))


@cache
def picked_fifths(seconds: float = 5.0) -> Signal:
    """Root and fifth, picked 140 times a minute."""
    out, step = np.zeros(round(seconds * MODEL_RATE)), MODEL_RATE * 60 // 140
    for k, at in enumerate(range(0, out.size, step)):
        part = out[at : at + step]
        for note in ((40, 43, 45, 38)[k % 4] + up for up in (0, 7)):
            part += _string(note, 1.2, seed=k * 7 + note)[: part.size]
    return _at_level(out)


@cache
def held_note(seconds: float = 12.0) -> Signal:
    """An A2 that falls by 60 dB in 9 s, its overtones sooner."""
    return _at_level(_string(45, seconds, seed=5))


def _string(midi: int, seconds: float, seed: int) -> Sound:
    """Karplus and Strong's, behind a pickup's low-pass, ``[T]``."""
    from scipy.signal import butter, lfilter, sosfilt

    period = MODEL_RATE / (440 * 2 ** ((midi - 69) / 12)) - 0.5
    whole = int(period)
    pluck = np.zeros(round(seconds * MODEL_RATE))
    pluck[:whole] = np.random.default_rng(seed).uniform(-1, 1, whole)
    share, loop = period - whole, np.zeros(whole + 3)
    loop[0] = 1
    loop[whole:] = np.array([share - 1, -1, -share]) / 2 * 10 ** (-3 * period / MODEL_RATE / 9)
    pickup = butter(2, 3500, fs=MODEL_RATE, output="sos")
    return np.asarray(sosfilt(pickup, lfilter([1.0], loop, pluck)))


def _at_level(sound: Sound) -> Signal:
    gain = from_db(LEVEL - loudness(sound.astype(np.float32)[None]))
    return (sound * gain).astype(np.float32)[None]


def compression(play: Play) -> list[float]:
    """Level of a chord that is ``SOFTER`` dB softer, against the same chord that is not, in dB."""
    settled = slice(MODEL_RATE // 2, -MODEL_RATE // 4)

    def out(gain: float) -> float:
        return level(play(power_chord() * np.float32(from_db(gain)))[:, settled])

    usual = out(0)
    return [out(gain) - usual for gain in SOFTER]


def sustain(play: Play) -> float:
    """Seconds until a held note has fallen by ``FADED`` from the level of its first half second."""
    each = levels(play(held_note()), 0.05)
    smooth = np.convolve(each, np.ones(3) / 3, "same")[:-1]
    gone = smooth < np.median(smooth[2:10]) - FADED
    return float(np.argmax(gone) if gone.any() else gone.size) * 0.05


def crest(sound: Signal) -> float:
    """Peak over RMS in dB."""
    return float(20 * np.log10(np.abs(sound).max() + 1e-10)) - level(sound)


def dynamics(sound: Signal) -> float:
    """How far the loudest twentieth of the moments lies above the softest third, in dB."""
    low, high = np.quantile(levels(sound, FRAME)[25:], (0.3, 0.95))
    return float(high - low)


def centroid(sound: Signal) -> float:
    """Centre of the power spectrum in Hz."""
    power = np.abs(np.fft.rfft(sound[0] * np.hanning(sound.shape[1]))) ** 2
    hertz = np.fft.rfftfreq(sound.shape[1], 1 / MODEL_RATE)
    return float((power * hertz).sum() / power.sum())


def distortion(play: Play, hertz: float = 220.0) -> float:
    """Total harmonic distortion of a sine in percent: amplitude of the overtones up to the 20th."""
    k, power = _of_sine(play, hertz)
    return harmonic_distortion(power, k)


def aliasing(play: Play, hertz: float) -> float:
    """Power of all that is no harmonic of a sine against what is one, in dB."""
    k, power = _of_sine(play, hertz)
    power[: 30 * SIZE // MODEL_RATE] = 0  # a bias that moves, below what is heard
    harmonics = power[::k].sum()
    return float(10 * np.log10((power.sum() - harmonics) / harmonics + 1e-15))


def _of_sine(play: Play, hertz: float) -> tuple[int, Sound]:
    """A sine's bin, and the power of each once the tone has settled, ``[SIZE // 2 + 1]``."""
    k = round(hertz * SIZE / MODEL_RATE) | 1
    sine = from_db(LEVEL + 3) * np.sin(2 * np.pi * k / SIZE * np.arange(4 * SIZE + MODEL_RATE // 4))
    out = play(sine.astype(np.float32)[None])[0, 3 * SIZE : 4 * SIZE]
    return k, np.abs(np.fft.rfft(out.astype(np.float64))) ** 2


def pause(play: Play) -> float:
    """Level of dull noise that comes in at ``NOISE`` against that of a chord, in dB."""
    from scipy.signal import butter, sosfilt

    chord = power_chord()
    noise = np.random.default_rng(0).normal(size=chord.shape)
    noise = sosfilt(butter(1, 3000, fs=MODEL_RATE, output="sos"), noise)
    noise *= from_db(level(chord) - level(noise) + NOISE)
    settled = slice(MODEL_RATE // 4, -MODEL_RATE // 4)
    return level(play(noise.astype(np.float32))[:, settled]) - level(play(chord)[:, settled])
