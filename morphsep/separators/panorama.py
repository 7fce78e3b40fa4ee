"""Pan positions in a stereo mix: what both channels share, and what only one has.

Voice, bass, snare and kick are usually in the centre; guitars often are not. A two-channel Wiener
filter splits the mix into the part that both channels share and what remains of each. The wider the
mix is within some seconds, the less of the shared part is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, Signal

Spectrogram = npt.NDArray[np.complex64]
"""``[C, F, K]``: channels, frequency bins, frames."""
Power = npt.NDArray[np.float32]

FRAME, HOP = 4096, 1024
OVERLAP = FRAME // HOP
SMOOTH_TIME, SMOOTH_FREQUENCY = 17, 3
"""Frames and bins over which the powers of the channels are averaged."""
WIDTH_FRAMES = 173
"""Frames (4 s) over which the width of the mix is averaged."""
WIDTH_BAND = (300.0, 4000.0)
CONTEXT = WIDTH_FRAMES // 2 + SMOOTH_TIME // 2
"""Frames on each side of a frame that its gains depend on."""
LEAST_CENTRE, CENTRE_SLOPE = 0.1, 1.3
"""The shared part is kept at 1 - slope * width, but never below the first."""
TINY = np.float32(1e-30)


def pan_gains(mixture: Spectrogram) -> Power:
    """Gain of every bin, in [0, 1] and ``[C, F, K]``, that keeps the sides and weakens the centre.

    Valid for frames with `CONTEXT` others on both sides. All ones for one channel.
    """
    if len(mixture) == 1:
        return np.ones(mixture.shape, np.float32)
    kept = mixture + shared(mixture) * (centre_gain(mixture) - np.float32(1))
    return np.minimum(np.abs(kept) / (np.abs(mixture) + TINY), np.float32(1))


def analyse(samples: Signal) -> Spectrogram:
    """Frames ``[C, F, K]`` of ``[C, (K - 1) * HOP + FRAME]``."""
    from scipy.fft import rfft

    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME, axis=-1)[:, ::HOP]
    return np.ascontiguousarray(rfft(frames * _window(), axis=-1).swapaxes(1, 2))


def synthesise(spectrogram: Spectrogram) -> Signal:
    """Overlap-add of the frames, less the first and last three hops, which lack overlap."""
    from scipy.fft import irfft

    frames = irfft(spectrogram.swapaxes(1, 2), FRAME, axis=-1) * _window()
    hops = frames.reshape(frames.shape[0], frames.shape[1], OVERLAP, HOP)
    last = OVERLAP - 1
    block = frames.shape[1] - last
    total = sum(hops[:, last - i : last - i + block, i] for i in range(OVERLAP))
    # The squared Hann windows of a quarter hop add up to 1.5.
    return np.asarray(total, np.float32).reshape(frames.shape[0], block * HOP) / np.float32(1.5)


def frequencies() -> npt.NDArray[np.float64]:
    """Frequencies of the bins in Hz, ``[F]``."""
    return np.linspace(0.0, MODEL_RATE / 2, FRAME // 2 + 1)


def shared(mixture: Spectrogram) -> Spectrogram:
    """Wiener estimate ``[F, K]`` of c in left = c + a, right = c + b, all uncorrelated."""
    power = _powers(mixture)
    own = power.left + power.right
    # Equal channels give no weights: then the centre is their mean.
    from_left = np.where(own > 1e-6 * power.shared, power.right / np.maximum(own, TINY), 0.5)
    noise = power.left * from_left
    share = power.shared / np.maximum(power.shared + noise, TINY)
    estimate = share * (from_left * mixture[0] + (1 - from_left) * mixture[1])
    return np.asarray(estimate, np.complex64)


def centre_gain(mixture: Spectrogram) -> Power:
    """How much of the shared part to keep in each frame, ``[K]``."""
    from scipy.ndimage import uniform_filter1d

    if len(mixture) == 1:
        return np.ones(mixture.shape[2], np.float32)
    low, high = np.searchsorted(frequencies(), WIDTH_BAND)
    power = _powers(mixture[:, low:high])
    own = uniform_filter1d((power.left + power.right).sum(axis=0), WIDTH_FRAMES)
    together = uniform_filter1d(2 * power.shared.sum(axis=0), WIDTH_FRAMES)
    width = own / (own + together + TINY)
    return np.clip(1 - CENTRE_SLOPE * width, LEAST_CENTRE, 1).astype(np.float32)


def power_of(mixture: Spectrogram) -> Power:
    """Power of every bin, ``[C, F, K]``."""
    return mixture.real**2 + mixture.imag**2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Powers:
    """Averaged powers ``[F, K]``: of what both channels share, and of what only one has."""

    shared: Power
    left: Power
    right: Power


def _powers(mixture: Spectrogram) -> _Powers:
    from scipy.ndimage import uniform_filter

    left, right = mixture
    size = (SMOOTH_FREQUENCY, SMOOTH_TIME)
    # scipy's running sums leave rounding below zero beside a strong line (DC, say)
    in_left, in_right = (np.maximum(uniform_filter(p, size), 0) for p in power_of(mixture))
    cross = uniform_filter(left.real * right.real + left.imag * right.imag, size)
    both = np.clip(cross, 0, np.minimum(in_left, in_right))
    return _Powers(shared=both, left=in_left - both, right=in_right - both)


def _window() -> Signal:
    """Periodic Hann window."""
    phase = 2 * np.pi * np.arange(FRAME) / FRAME
    return (0.5 - 0.5 * np.cos(phase)).astype(np.float32)
