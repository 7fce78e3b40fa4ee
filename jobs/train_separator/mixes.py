"""Mixes for training and validation: stems of one song or of several, at random levels.

All at 22.05 kHz. A frame of 2048 samples at that rate lasts as long as one of 4096 at 44.1 kHz.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.train_separator.data import GUITARS, STEMS, TRAIN_RATE
from jobs.train_separator.notes import Rng
from jobs.train_separator.studio import read
from morphsep.dsp import Signal

FRAME, HOP = 2048, 512
SONGS = Path("usr/share/games/fretsonfire/data/songs")
SECTOID = ("sectoid/Feelings", "sectoid/Metal madness")
"""The only two of sectoid's songs that may be used."""
PRESENT = {"drums": 0.85, "bass": 0.8, "keys": 0.55, "lead": 0.6}
"""Probability of each stem in a backing."""


@dataclass(slots=True)
class Songs:
    """The prepared songs of a split, memory-mapped; `refresh` finds new ones."""

    folder: Path
    _open: list[npt.NDArray[np.int16]] = field(default_factory=list)

    def refresh(self, limit: int | None = None) -> int:
        """Find new songs; returns the number of songs."""
        paths = sorted(self.folder.glob("*.npy"))[:limit]
        self._open += [np.load(path, mmap_mode="r") for path in paths[len(self._open) :]]
        return len(self._open)

    def crop(self, song: int, stem: int, start: int, length: int, speed: float = 1.0) -> Signal:
        """``[2, length]`` as float32, played at `speed`."""
        source = self._open[song]
        taken = round(length * speed) + 2
        start = min(start, source.shape[2] - taken)
        return played(source[song_stem(stem)][:, start : start + taken], length, speed)

    @property
    def samples(self) -> int:
        """Samples in one song."""
        return int(self._open[0].shape[2])


def played(source: npt.NDArray[np.int16], length: int, speed: float) -> Signal:
    """``[2, length]`` as float32 of ``[2, length * speed + 2]``."""
    samples = source.astype(np.float32) / 32768
    if speed == 1.0:
        return np.asarray(samples[:, :length])
    wanted, given = np.arange(length) * speed, np.arange(samples.shape[1])
    return np.stack([np.interp(wanted, given, row) for row in samples]).astype(np.float32)


def song_stem(stem: int) -> int:
    assert 0 <= stem < len(STEMS)
    return stem


@dataclass(frozen=True, slots=True)
class Recorded:
    """Real guitars beside the rendered ones."""

    guitars: tuple[npt.NDArray[np.int16], ...] = ()
    """``[2, T]`` each."""
    share: float = 0.0
    """Share of the items with a guitar."""

    @classmethod
    def read(cls, paths: Iterable[Path], share: float) -> Recorded:
        """Read the guitars from files, at `RATE`."""
        return cls(tuple(_pcm(resampled(path, RATE)) for path in paths), share)

    def crop(self, length: int, rng: Rng) -> Signal:
        """``[2, length]`` from a part where one of them plays."""
        guitar = self.guitars[int(rng.integers(len(self.guitars)))]
        while True:
            speed = float(rng.uniform(0.75, 1.19)) if rng.random() < 0.6 else 1.0
            taken = round(length * speed) + 2
            start = int(rng.integers(guitar.shape[1] - taken))
            samples = played(guitar[:, start : start + taken], length, speed)
            if float(np.sqrt(np.mean(samples**2))) > AUDIBLE:
                return samples


AUDIBLE = 0.01
"""RMS of a recorded guitar, full scale 1, below which it is silent."""


def drawn(
    songs: Songs, count: int, length: int, rng: Rng, recorded: Recorded | None = None
) -> tuple[Signal, Signal, bool]:
    """One training item: guitar and backing, ``[2, length]`` each, either may be silent; and
    whether the guitar is a recording.
    """
    is_recorded = recorded is not None and rng.random() < recorded.share
    song, start = int(rng.integers(count)), int(rng.integers(songs.samples - 2 * length))
    empty = np.zeros((2, length), np.float32)
    kind = rng.random()
    if kind < 0.12:
        guitar = empty
    elif recorded is not None and is_recorded:
        guitar = recorded.crop(length, rng)
    else:
        guitar = _guitar(songs, song, start, length, rng)
    together = rng.random() < 0.5
    backing = (
        empty
        if 0.12 <= kind < 0.15
        else _backing(songs, song if together else None, count, start, length, rng)
    )
    guitar, backing = _widened(guitar, rng), _widened(backing, rng, least=0.5)
    return *_balanced(guitar, backing, rng), is_recorded


def _balanced(guitar: Signal, backing: Signal, rng: Rng) -> tuple[Signal, Signal]:
    """At a random ratio, sometimes in mono, the mix at a random level."""
    ratio = rng.uniform(-9, 9)
    guitar = guitar * _to_level(guitar, ratio / 2)
    backing = backing * _to_level(backing, -ratio / 2)
    if rng.random() < 0.15:
        guitar, backing = (
            np.repeat(x.mean(axis=0, keepdims=True), 2, axis=0) for x in (guitar, backing)
        )
    std = float((guitar + backing).mean(axis=0).std()) + 1e-5
    gain = np.float32(10 ** (rng.uniform(-9, 5) / 20) / std)
    return guitar * gain, backing * gain


def _guitar(songs: Songs, song: int, start: int, length: int, rng: Rng) -> Signal:
    which = rng.permutation(GUITARS)[: 2 if rng.random() < 0.25 else 1]
    # Slower is lower: tuned down, as heavy guitars are.
    speed = float(rng.uniform(0.6, 1.19)) if rng.random() < 0.6 else 1.0
    return sum(
        (_gain(rng, 3) * songs.crop(song, int(w), start, length, speed) for w in which),
        np.zeros((2, length), np.float32),
    )


def _backing(
    songs: Songs, song: int | None, count: int, start: int, length: int, rng: Rng
) -> Signal:
    total = np.zeros((2, length), np.float32)
    for stem in range(GUITARS, len(STEMS)):
        if rng.random() >= PRESENT[STEMS[stem]]:
            continue
        chosen = int(rng.integers(count)) if song is None else song
        first = int(rng.integers(songs.samples - 2 * length)) if song is None else start
        speed = float(rng.uniform(0.84, 1.19)) if song is None and rng.random() < 0.3 else 1.0
        total += _gain(rng, 4) * songs.crop(chosen, stem, first, length, speed)
    return total


def _gain(rng: Rng, spread_db: float) -> np.float32:
    sign = 1 if rng.random() < 0.5 else -1
    return np.float32(sign * 10 ** (rng.normal(0, spread_db) / 20))


def _to_level(samples: Signal, level_db: float) -> np.float32:
    rms = float(np.sqrt(np.mean(samples**2)))
    return np.float32(10 ** (level_db / 20) / rms if rms > 1e-4 else 1.0)


def _widened(samples: Signal, rng: Rng, least: float = 0.0) -> Signal:
    """Change the stereo width, swap the channels."""
    middle = samples.mean(axis=0, keepdims=True)
    width = np.float32(rng.uniform(least, 1.3) if rng.random() < 0.5 else 1.0)
    wide: Signal = middle + width * (samples - middle)
    return wide[::-1].copy() if rng.random() < 0.5 else wide


def tilt(bins: int, rng: Rng) -> npt.NDArray[np.float32]:
    """A random smooth gain ``[bins]`` of a few dB, like another microphone or mastering."""
    position = np.log2(np.arange(bins) + 4) / np.log2(bins + 4)
    curve = sum(rng.normal(0, 2.5) * np.cos(np.pi * k * position) for k in range(1, 5))
    return np.asarray(10 ** (np.asarray(curve) / 20), np.float32)


def voicing(bins: int, rng: Rng) -> npt.NDArray[np.float32]:
    """A random gain ``[bins]`` for guitars: `tilt`, and mostly also the loud low end and scooped
    middle of a heavy guitar close to its cabinet, which rendered guitars lack.

    Octave levels of validation's guitars: -5 to -7 dB of the whole at 100-200 Hz, -9 to -15 at
    400-1600; medians of the rendered ones: -19 and -7.
    """
    hertz = np.arange(bins) * (TRAIN_RATE / FRAME) + 1
    lift = rng.uniform(0, 30) / (1 + (hertz / rng.uniform(120, 350)) ** 2)
    scoop = rng.uniform(0, 14) * np.exp(-((np.log2(hertz / rng.uniform(500, 1400)) / 0.9) ** 2))
    heavy = (lift - scoop) if rng.random() < 0.75 else np.zeros(bins)
    return np.asarray(tilt(bins, rng) * 10 ** (heavy / 20), np.float32)


def resampled(path: Path, rate: int) -> Signal:
    """A sound file as ``[2, T]`` at `rate`."""
    import soxr

    return np.asarray(soxr.resample(read(path).T, 44_100, rate).T, np.float32)


def _pcm(samples: Signal) -> npt.NDArray[np.int16]:
    return np.asarray(np.clip(np.rint(samples * 32768), -32768, 32767), np.int16)


def excerpts(path: Path, seconds: float, rate: int, count: int) -> Iterator[Signal]:
    """Up to `count` windows ``[2, T]`` of a recorded guitar, spread over the parts where it
    plays."""
    guitar = resampled(path, rate)
    size = round(seconds * rate)
    loud = [
        float(np.sqrt(np.mean(guitar[:, s : s + size] ** 2)))
        for s in range(0, guitar.shape[1] - size, size)
    ]
    plays = [i for i, level in enumerate(loud) if level > 0.3 * max(loud)]
    for index in np.linspace(0, len(plays) - 1, min(count, len(plays))).astype(int):
        yield guitar[:, plays[index] * size : plays[index] * size + size]


def held_out(guitars: list[Signal], songs: Songs, seed: int) -> list[tuple[Signal, Signal]]:
    """(guitar, backing) for each window of a guitar; the guitar is -6 to +6 dB of the backing."""
    rng = np.random.default_rng(seed)
    count, mixes = songs.refresh(), []
    for guitar in guitars:
        length = guitar.shape[1]
        start = int(rng.integers(songs.samples - length - 2))
        backing = _backing(songs, int(rng.integers(count)), count, start, length, rng)
        while float(np.sqrt(np.mean(backing**2))) < 0.02:
            start = int(rng.integers(songs.samples - length - 2))
            backing = _backing(songs, int(rng.integers(count)), count, start, length, rng)
        gain = np.float32(10 ** (rng.uniform(-6, 6) / 20)) * np.sqrt(
            np.mean(backing**2) / np.mean(guitar**2)
        )
        mixes.append((guitar * np.float32(gain), backing))
    return mixes


RATE = TRAIN_RATE
