"""A network at its own sample rate, and how loud it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from morphsep.dsp import CONTEXT, MODEL_RATE, ModelRateReader, Seconds, Signal, from_db, to_rate

TEST_RMS_DB = -21.0
"""RMS, dBFS, of the noise with which a capture's output level is measured: that of a mono guitar at
the reference loudness."""

MOST_GAIN = from_db(40.0)
"""Beyond it noise and rounding of a nearly silent capture would be heard, not the device."""


def at_rate(play: Callable[[Signal, int], Signal], dry: Signal, start: int, rate: int) -> Signal:
    """``[C, T]`` at 44.1 kHz through what plays at ``rate`` Hz, and back; two equal channels once.

    Blocks of both resamplers lie on the song's grid, so that the result does not depend on where a
    passage begins.

    Args:
        play: ``play(signal, first)``, ``[C, N]`` -> ``[C, N]``; ``first``: the song's sample, at
            ``rate``, of ``signal[:, 0]``.
        start: the song's sample of ``dry[:, 0]``.
    """
    if len(dry) == 2 and np.array_equal(dry[0], dry[1]):
        return at_rate(play, dry[:1], start, rate).repeat(2, axis=0)
    length = dry.shape[-1]
    if rate == MODEL_RATE:
        return play(np.ascontiguousarray(dry), start)
    first = start * rate // MODEL_RATE
    last = -(-(start + length) * rate // MODEL_RATE)
    there = to_rate(lambda s, n: _cut(dry, s - start, n), first, last - first, rate)
    info = _Info(sample_rate=rate, num_channels=len(dry), num_samples=max(last, 0))
    played = _Played(info=info, samples=play(there, first), first=first)
    return ModelRateReader(played).read(start, length)


def context_at(rate: int, looks_back: int) -> tuple[int, int]:
    """(before, after) in samples at 44.1 kHz of what looks back so many samples at ``rate``, and of
    two resamplers."""
    both = 2 * math.ceil(CONTEXT * MODEL_RATE / min(rate, MODEL_RATE)) + 2
    margin = both if rate != MODEL_RATE else 0
    return math.ceil(looks_back * MODEL_RATE / rate) + margin, margin


def restoring_gain(
    play: Callable[[Signal], Signal], rate: int, before: int, seconds: Seconds = 1.0
) -> float:
    """Gain that restores the RMS of noise with a guitar-like spectrum, `MOST_GAIN` at most: what is
    nearly silent stays so; 1 where nothing comes out.

    Args:
        play: ``[1, N]`` -> ``[1, N]`` at ``rate`` Hz.
        before: samples that are not measured.
        seconds: what is measured after them.
    """
    from scipy.signal import butter, sosfilt

    noise = np.random.default_rng(0).standard_normal(before + round(seconds * rate))
    dull = sosfilt(butter(1, [100, 1500], "band", fs=rate, output="sos"), noise)
    test = (dull * (from_db(TEST_RMS_DB) / np.sqrt(np.mean(dull**2)))).astype(np.float32)
    made = play(test[None])[0, before:]
    rms = float(np.sqrt(np.mean(np.square(made, dtype=np.float64))))
    return min(from_db(TEST_RMS_DB) / rms, MOST_GAIN) if rms > 1e-9 else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Info:
    sample_rate: int
    num_channels: int
    num_samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Played:
    """A network's output as a reader, from the song's sample ``first`` (at the network's rate)
    on."""

    info: _Info
    samples: Signal
    first: int

    def read(self, start: int, num_samples: int) -> Signal:
        return _cut(self.samples, start - self.first, num_samples)


def _cut(samples: Signal, start: int, num_samples: int) -> Signal:
    """``[C, num_samples]`` from ``start`` on, zeros outside."""
    out = np.zeros((len(samples), num_samples), np.float32)
    first, last = max(start, 0), min(start + num_samples, samples.shape[-1])
    if last > first:
        out[:, first - start : last - start] = samples[:, first:last]
    return out
