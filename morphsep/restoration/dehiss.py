"""Steady noise, made softer where it is heard by itself; off unless it is asked for.

Two passes of a Wiener filter (Plapous, Marro and Scalart, "Improved signal-to-noise ratio
estimation for speech enhancement", IEEE TASLP 14, 2006): the first estimates the music, the second
takes its gains from that estimate. Powers are averaged over neighbouring frames on both sides and
bins before they become gains, and gains have a floor, so that no single bins flicker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Reader, Signal, from_db, hann, power
from morphsep.errors import SettingError
from morphsep.restoration.blocks import BlockGrid, digital_silence
from morphsep.restoration.noise_floor import frame_size, noise_floor

SCHEMA = 1
FRAMES = 96
"""Frames in a block: 1.1 s."""
OVERLAP = 4
LONG, SHORT = 7, 3
"""Frames over which powers are averaged: for the first estimate, and for the second."""
BINS = 5
OVERESTIMATE = 2.0
"""Of the noise in the first pass: what is left of it must not come back as music."""

Gains = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class DehissFindings:
    """The noise of a recording."""

    step: ClassVar[str] = "dehiss"
    sample_rate: int
    num_samples: int
    noise: tuple[float, ...]
    """Power in each bin of a frame with a Hann window, dB."""

    @property
    def level_db(self) -> float:
        """RMS of the noise in dBFS, mean of the channels."""
        size = frame_size(self.sample_rate)
        total = 2 * np.sum(10 ** (np.array(self.noise) / 10))
        return float(10 * np.log10(total / (size * np.sum(hann(size) ** 2)) + 1e-20))

    def summary(self) -> str:
        """See `Findings`."""
        return f"noise at {self.level_db:.0f} dBFS"

    def to_json(self) -> dict[str, Any]:
        """See `Findings`."""
        return {
            "step": self.step, "sample_rate": self.sample_rate, "num_samples": self.num_samples,
            "noise": list(self.noise),
        }  # fmt: skip

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> DehissFindings:
        """What `to_json` has made."""
        facts = ("sample_rate", "num_samples")
        return cls(noise=tuple(stored["noise"]), **{name: stored[name] for name in facts})


@dataclass(frozen=True, slots=True, kw_only=True)
class Dehiss:
    """Makes steady noise softer by some decibels, gently."""

    name: ClassVar[str] = "dehiss"
    reduction_db: float = 8.0
    """Where there is noise only."""

    def __post_init__(self) -> None:
        if not 0 < self.reduction_db <= 30:
            raise SettingError(f"dehiss: a reduction of 0 to 30 dB, not {self.reduction_db:g}")

    def fingerprint(self) -> str:
        """See `Step`."""
        return f"dehiss/{SCHEMA}:{self.reduction_db:g}"

    def look(self, recording: Reader) -> DehissFindings:
        """See `Step`."""
        info = recording.info
        levels = 10 * np.log10(noise_floor(recording) + 1e-18)
        return DehissFindings(
            sample_rate=info.sample_rate, num_samples=info.num_samples,
            noise=tuple(round(float(level), 2) for level in levels),
        )  # fmt: skip

    def context(self, findings: DehissFindings) -> int:
        """See `Step`."""
        return _grid(findings.sample_rate).context

    def repair(self, block: Signal, start: int, findings: DehissFindings) -> Signal:
        """See `Step`."""
        grid = _grid(findings.sample_rate)
        noise = (10 ** (np.array(findings.noise) / 10)).astype(np.float32)
        softer = partial(_softer, noise=noise, floor=from_db(-self.reduction_db), reach=grid.reach)
        silent = digital_silence(block, findings.sample_rate)[:, grid.context : -grid.context]
        return np.where(silent, np.float32(0), grid.apply(block, start, softer))


def _grid(sample_rate: int) -> BlockGrid:
    size = frame_size(sample_rate)
    hop = size // OVERLAP
    return BlockGrid(size=FRAMES * hop, reach=(LONG + SHORT) // 2 * hop + size)


def _softer(seen: Signal, *, noise: Signal, floor: float, reach: int) -> Signal:
    """``[C, reach + n + reach] -> [C, n]``."""
    from scipy.fft import irfft, rfft

    size = 2 * (len(noise) - 1)
    hop = size // OVERLAP
    if not seen.any():
        return seen[:, reach:-reach]
    frames = np.lib.stride_tricks.sliding_window_view(seen, size, axis=-1)[:, ::hop]
    spectra = rfft(frames * hann(size), axis=-1)
    spectra *= _gains(power(spectra), noise, floor)
    made = irfft(spectra, size, axis=-1) * (hann(size) / (0.375 * OVERLAP))
    result = np.zeros(seen.shape, np.float32)
    for number in range(made.shape[1]):
        result[:, number * hop : number * hop + size] += made[:, number]
    return result[:, reach:-reach]


def _gains(powers: Signal, noise: Signal, floor: float) -> Gains:
    """Of powers ``[C, F, K]``, in ``[floor, 1]``."""
    noise = np.maximum(noise, 1e-18)
    first = _wiener(_averaged(powers, LONG), OVERESTIMATE * noise)
    gains = _wiener(_averaged(first**2 * powers, SHORT) + noise, noise)
    return np.asarray(np.maximum(gains, floor), np.float32)


def _wiener(powers: Signal, noise: Signal) -> Gains:
    return np.asarray(np.maximum(1 - noise / np.maximum(powers, 1e-30), 0), np.float32)


def _averaged(powers: Signal, frames: int) -> Signal:
    """Means over so many frames, and `BINS` bins."""
    from scipy.ndimage import uniform_filter1d

    over_time = uniform_filter1d(powers, frames, axis=1, mode="nearest")
    return np.asarray(uniform_filter1d(over_time, BINS, axis=2, mode="nearest"))
