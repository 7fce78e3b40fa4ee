"""``harmonic``: no weights at all. A mask from three cues, each of them weak.

- What sounds, not what hits: median-filter separation of harmonic and percussive energy
  (D. Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx-10).
- Where guitars are in frequency: band limits, tighter in the centre, where bass and kick drum are.
- Where guitars are in the panorama: voice, bass, snare and kick are in the centre as a rule, so a
  two-channel Wiener filter splits the mix into what both channels share and what each has for
  itself, and the shared part is kept the less, the wider the mix is within some seconds.

It computes in blocks that stand on a grid fixed to the track's sample 0, each with two seconds of
real context on both sides, so that a sample never depends on who asked for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morphsep.separators import Mix
from morphsep.signal import MODEL_RATE, Signal

Spectrogram = npt.NDArray[np.complex64]
"""``[C, F, K]``: channels, frequency bins, frames."""
Power = npt.NDArray[np.float32]

FRAME, HOP = 4096, 1024
OVERLAP = FRAME // HOP
BLOCK = 512
"""Hops in a block: 11.9 s."""
MEDIAN, HALF = 17, 8
"""Frames (0.4 s) and bins (180 Hz) of the two medians; what they look at on each side."""
SMOOTH_TIME, SMOOTH_FREQUENCY = 17, 3
"""Frames and bins over which the powers of the channels are averaged."""
WIDTH_FRAMES = 173
"""Frames (4 s) over which the width of the mix is taken."""
WIDTH_BAND = (300.0, 4000.0)
CONTEXT = WIDTH_FRAMES // 2 + SMOOTH_TIME // 2
"""Frames on each side of a block that its masks look at; more than half a median."""
WIDE_BAND, CENTRE_BAND = (100.0, 7000.0), (230.0, 5000.0)
"""Hz: band of what the channels have for themselves, and of what they share."""
MONO_BAND = (150.0, 6000.0)
PERCUSSIVE_WEIGHT = 0.25
"""Below 1: the attacks of a guitar are percussive too."""
LEAST_CENTRE, CENTRE_SLOPE = 0.1, 1.3
"""The shared part is kept at 1 - slope * width, but never below the first."""
TINY = np.float32(1e-30)


class Harmonic:
    """The offline stand-in where no weights are: see docs/separators.md for how little it does."""

    name = "harmonic"
    description = "no weights: steady, mid-band, off-centre sound; a weak stand-in"
    weights_hash: str | None = None

    def fingerprint(self) -> str:
        """Every constant that the stem depends on."""
        return (
            f"harmonic/1 {FRAME}/{HOP} block={BLOCK} median={MEDIAN} smooth={SMOOTH_TIME},"
            f"{SMOOTH_FREQUENCY} width={WIDTH_FRAMES},{WIDTH_BAND} wide={WIDE_BAND} "
            f"mono={MONO_BAND} centre={CENTRE_BAND},{LEAST_CENTRE},{CENTRE_SLOPE} "
            f"percussive={PERCUSSIVE_WEIGHT}"
        )

    def separate(self, mix: Mix, start: int, stop: int) -> Signal:
        """The estimate of the guitar at samples [start, stop), ``[C, stop - start]``."""
        length = BLOCK * HOP
        stem = np.zeros((mix.num_channels, stop - start), np.float32)
        for index in range(start // length, -(-stop // length)):
            first, last = max(start, index * length), min(stop, (index + 1) * length)
            block = _block(mix, index)
            stem[:, first - start : last - start] = block[
                :, first - index * length : last - index * length
            ]
        return stem


def _block(mix: Mix, index: int) -> Signal:
    """Block number `index` of the stem, ``[C, BLOCK * HOP]``."""
    first = index * BLOCK - (OVERLAP - 1) - CONTEXT
    num_frames = BLOCK + OVERLAP - 1 + 2 * CONTEXT
    samples = mix.read(first * HOP, (num_frames - 1) * HOP + FRAME)
    if not samples.any():
        return np.zeros((mix.num_channels, BLOCK * HOP), np.float32)
    mixture = _analyse(samples)
    near = mixture[:, :, CONTEXT - HALF : num_frames - (CONTEXT - HALF)]
    gain = _centre_gain(mixture)[CONTEXT - HALF : num_frames - (CONTEXT - HALF)]
    placed = near * _band(MONO_BAND) if mix.num_channels == 1 else _by_place(near, gain)
    return _synthesise((placed * _harmonic_mask(near))[:, :, HALF:-HALF])


def _by_place(mixture: Spectrogram, centre_gain: Power) -> Spectrogram:
    """What band limits and panorama leave of a stereo mix, ``[2, F, K]``."""
    shared = _shared(mixture)
    kept = shared * (_band(CENTRE_BAND) * centre_gain)
    return np.asarray((mixture - shared) * _band(WIDE_BAND) + kept)


def _analyse(samples: Signal) -> Spectrogram:
    from scipy.fft import rfft

    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME, axis=-1)[:, ::HOP]
    return np.ascontiguousarray(rfft(frames * _window(), axis=-1).swapaxes(1, 2))


def _synthesise(spectrogram: Spectrogram) -> Signal:
    """Overlap-add of the frames, less the first and last three hops, which lack overlap."""
    from scipy.fft import irfft

    frames = irfft(spectrogram.swapaxes(1, 2), FRAME, axis=-1) * _window()
    hops = frames.reshape(frames.shape[0], frames.shape[1], OVERLAP, HOP)
    last = OVERLAP - 1
    total = sum(hops[:, last - i : last - i + BLOCK, i] for i in range(OVERLAP))
    # The squared Hann windows of a quarter hop add up to 1.5.
    return np.asarray(total, np.float32).reshape(frames.shape[0], BLOCK * HOP) / np.float32(1.5)


def _window() -> Signal:
    """Periodic Hann window."""
    phase = 2 * np.pi * np.arange(FRAME) / FRAME
    return (0.5 - 0.5 * np.cos(phase)).astype(np.float32)


def _frequencies() -> npt.NDArray[np.float64]:
    return np.linspace(0.0, MODEL_RATE / 2, FRAME // 2 + 1)


def _band(limits: tuple[float, float]) -> Power:
    """Gain of a Butterworth-like band-pass (24 dB per octave), ``[F, 1]``."""
    low, high = limits
    frequency = np.maximum(_frequencies(), 1.0)
    gain = 1 / np.sqrt((1 + (low / frequency) ** 8) * (1 + (frequency / high) ** 8))
    return gain.astype(np.float32)[:, None]


def _harmonic_mask(mixture: Spectrogram) -> Power:
    """Share of the energy that is steadier over time than over frequency, ``[F, K]`` in [0, 1]."""
    magnitude = np.sqrt(_power(mixture).mean(axis=0))
    harmonic = _median(magnitude) ** 2
    percussive = _median(magnitude.T).T ** 2
    return np.asarray(harmonic / (harmonic + PERCUSSIVE_WEIGHT * percussive + TINY))


def _median(rows: Power) -> Power:
    """Running median along the last axis.

    scipy's filter takes time proportional to the logarithm of the length in one dimension only: so
    all rows are put into one, mirrored at their ends.
    """
    from scipy.ndimage import median_filter

    padded = np.pad(rows, ((0, 0), (HALF, HALF)), mode="reflect")
    filtered = median_filter(padded.ravel(), MEDIAN).reshape(padded.shape)
    return np.asarray(filtered[:, HALF:-HALF])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Powers:
    """Averaged powers ``[F, K]``: what both channels share, and what each has for itself."""

    shared: Power
    left: Power
    right: Power


def _powers(mixture: Spectrogram) -> _Powers:
    from scipy.ndimage import uniform_filter

    left, right = mixture
    size = (SMOOTH_FREQUENCY, SMOOTH_TIME)
    # scipy's running sums leave rounding below zero beside a strong line (DC, say)
    in_left, in_right = (np.maximum(uniform_filter(p, size), 0) for p in _power(mixture))
    cross = uniform_filter(left.real * right.real + left.imag * right.imag, size)
    shared = np.clip(cross, 0, np.minimum(in_left, in_right))
    return _Powers(shared=shared, left=in_left - shared, right=in_right - shared)


def _shared(mixture: Spectrogram) -> Spectrogram:
    """Wiener estimate ``[F, K]`` of c in left = c + a, right = c + b, all uncorrelated."""
    power = _powers(mixture)
    own = power.left + power.right
    # Equal channels leave nothing to weigh: then the centre is their mean.
    from_left = np.where(own > 1e-6 * power.shared, power.right / np.maximum(own, TINY), 0.5)
    noise = power.left * from_left
    share = power.shared / np.maximum(power.shared + noise, TINY)
    estimate = share * (from_left * mixture[0] + (1 - from_left) * mixture[1])
    return np.asarray(estimate, np.complex64)


def _centre_gain(mixture: Spectrogram) -> Power:
    """How much of the shared part to keep in each frame, ``[K]``."""
    from scipy.ndimage import uniform_filter1d

    if len(mixture) == 1:
        return np.ones(mixture.shape[2], np.float32)
    low, high = np.searchsorted(_frequencies(), WIDTH_BAND)
    power = _powers(mixture[:, low:high])
    own = uniform_filter1d((power.left + power.right).sum(axis=0), WIDTH_FRAMES)
    shared = uniform_filter1d(2 * power.shared.sum(axis=0), WIDTH_FRAMES)
    width = own / (own + shared + TINY)
    return np.clip(1 - CENTRE_SLOPE * width, LEAST_CENTRE, 1).astype(np.float32)


def _power(mixture: Spectrogram) -> Power:
    return mixture.real**2 + mixture.imag**2
