"""A sung voice: a pulse train through moving formants."""

from __future__ import annotations

import numpy as np

from jobs.train_separator.midi import Curve
from jobs.train_separator.notes import Note, Rng
from jobs.train_separator.sound import RATE, fitted
from morphsep.dsp import Signal

FORMANTS = (
    (800, 1150, 2900, 3900), (350, 2000, 2800, 3600), (270, 2140, 2950, 3900),
    (450, 800, 2830, 3800), (325, 700, 2700, 3800), (600, 1700, 2600, 3500),
)  # fmt: skip


def sung(notes: list[Note], seconds: float, rng: Rng) -> Signal:
    """``[1, T]``: a voice, clean to screaming."""
    from scipy.signal import istft, stft

    length = round(seconds * RATE)
    pitch, level = _melody(notes, length, rng)
    scream = rng.random() < 0.3
    rough = rng.uniform(0.3, 1.0) if scream else rng.uniform(0.0, 0.06)
    jitter = np.convolve(rng.normal(0, 1, length), np.ones(200) / 200, "same") * 14
    phase = np.cumsum(pitch * 2 ** (jitter * (0.05 + rough) / 12) / RATE)
    tilt = rng.uniform(0.5, 0.9)
    buzz = 2 * (phase % 1) - 1
    source = (1 - rough) * buzz + (rough + 0.02) * rng.normal(0, 0.7, length)
    _, _, bins = stft(source * level, RATE, nperseg=1024, noverlap=768)
    hertz = np.linspace(0, RATE / 2, 513)
    gain = _vowels(hertz, bins.shape[1], rng) * (hertz[:, None] / 300 + 1) ** -tilt
    voice = istft(bins * gain, RATE, nperseg=1024, noverlap=768)[1]
    if scream:
        voice = np.tanh(4 * voice / (np.abs(voice).max() + 1e-6))
    return fitted(np.asarray(voice, np.float32)[None], length) + _consonants(notes, length, rng)


def _melody(notes: list[Note], length: int, rng: Rng) -> tuple[Curve, Curve]:
    """Pitch in Hz and loudness for each sample."""
    pitch, level = np.zeros(length), np.zeros(length)
    time = np.arange(length) / RATE
    for note in notes:
        span = slice(
            round(note.start * RATE), min(length, round((note.start + note.length) * RATE))
        )
        pitch[span] = note.pitch + note.bend[0] * np.exp(-(time[span] - note.start) / 0.05)
        level[span] = note.velocity / 127
    for i in np.flatnonzero(np.diff((pitch == 0).astype(int)) == 1):
        stop = np.flatnonzero(pitch[i + 1 :])
        pitch[i + 1 : i + 1 + (stop[0] if len(stop) else length)] = pitch[i]
    window = np.hanning(2205) / np.hanning(2205).sum()
    smooth = np.convolve(np.where(pitch == 0, 60, pitch), window, "same")
    smooth += rng.uniform(0.05, 0.5) * np.sin(2 * np.pi * rng.uniform(4.5, 6.5) * time)
    return 440 * 2 ** ((smooth - 69) / 12), np.convolve(level, window, "same")


def _vowels(hertz: Curve, num_frames: int, rng: Rng) -> Curve:
    """Gain ``[F, num_frames]`` of formants that move from vowel to vowel every 40 frames."""
    vowels = rng.integers(len(FORMANTS), size=num_frames // 40 + 2)
    size = rng.uniform(0.9, 1.2)
    curves = np.stack([_vowel(hertz, FORMANTS[v], size) for v in vowels])
    position = np.arange(num_frames) / 40
    share = np.clip(((position % 1) - 0.7) / 0.3, 0, 1)[None]
    now, then = curves[position.astype(int)].T, curves[position.astype(int) + 1].T
    return np.asarray(now * (1 - share) + then * share)


def _vowel(hertz: Curve, formants: tuple[int, ...], size: float) -> Curve:
    curve = np.full_like(hertz, 0.02)
    for i, centre in enumerate(formants):
        width = 60 + 40 * i
        curve += 0.7**i / (1 + ((hertz - centre * size) / width) ** 2)
    return curve


def _consonants(notes: list[Note], length: int, rng: Rng) -> Signal:
    from scipy.signal import butter, sosfilt

    envelope = np.zeros(length, np.float32)
    for note in notes:
        if rng.random() < 0.5:
            first, size = (
                max(0, round((note.start - 0.04) * RATE)),
                round(rng.uniform(0.02, 0.09) * RATE),
            )
            span = envelope[first : first + size]
            span[:] = np.hanning(size)[: len(span)]
    low = rng.uniform(2000, 5000)
    hiss = sosfilt(
        butter(2, [low, 10_000], "band", fs=RATE, output="sos"), rng.normal(0, 0.15, length)
    )
    return np.asarray(hiss * envelope, np.float32)[None]
