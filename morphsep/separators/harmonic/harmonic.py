"""``harmonic``: no weights at all; a mask from three weak cues.

- Sustained sound, not attacks: median-filter separation of harmonic and percussive energy
  (D. Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx-10).
- The guitar's frequencies: band limits, tighter in the centre, where bass and kick drum are.
- The guitar's pan position: voice, bass, snare and kick are usually in the centre, so a two-channel
  Wiener filter splits the mix into what both channels share and what only one has. The wider the
  mix is within some seconds, the less of the shared part is kept.

It computes in blocks that stand on a grid fixed to the track's sample 0, each with two seconds of
real context on both sides, so that a sample does not depend on the span that was asked for.
"""

from __future__ import annotations

import numpy as np

from morphsep.dsp import Signal
from morphsep.separators.panorama import (
    CENTRE_SLOPE,
    CONTEXT,
    FRAME,
    HOP,
    LEAST_CENTRE,
    OVERLAP,
    SMOOTH_FREQUENCY,
    SMOOTH_TIME,
    TINY,
    WIDTH_BAND,
    WIDTH_FRAMES,
    Power,
    Spectrogram,
    analyse,
    centre_gain,
    frequencies,
    power_of,
    shared,
    synthesise,
)
from morphsep.separators.separator import Mix

BLOCK = 512
"""Hops in a block: 11.9 s."""
MEDIAN, HALF = 17, 8
"""Frames (0.4 s) and bins (180 Hz) of the two medians; how many of them lie on each side."""
WIDE_BAND, CENTRE_BAND = (100.0, 7000.0), (230.0, 5000.0)
"""Hz: band of what only one channel has, and of what both share."""
MONO_BAND = (150.0, 6000.0)
PERCUSSIVE_WEIGHT = 0.25
"""Below 1: the attacks of a guitar are percussive too."""


class Harmonic:
    """The stand-in without weights; docs/reference/separators.md says how weak it is."""

    name = "harmonic"
    description = "no weights: steady, mid-band, off-centre sound; a weak stand-in"
    licence = "Apache-2.0"
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
    mixture = analyse(samples)
    near = mixture[:, :, CONTEXT - HALF : num_frames - (CONTEXT - HALF)]
    gain = centre_gain(mixture)[CONTEXT - HALF : num_frames - (CONTEXT - HALF)]
    panned = near * _band(MONO_BAND) if mix.num_channels == 1 else _by_panorama(near, gain)
    return synthesise((panned * _harmonic_mask(near))[:, :, HALF:-HALF])


def _by_panorama(mixture: Spectrogram, centre: Power) -> Spectrogram:
    """A stereo mix ``[2, F, K]`` after band limits and panorama."""
    both = shared(mixture)
    kept = both * (_band(CENTRE_BAND) * centre)
    return np.asarray((mixture - both) * _band(WIDE_BAND) + kept)


def _band(limits: tuple[float, float]) -> Power:
    """Gain of a Butterworth-like band-pass (24 dB per octave), ``[F, 1]``."""
    low, high = limits
    frequency = np.maximum(frequencies(), 1.0)
    gain = 1 / np.sqrt((1 + (low / frequency) ** 8) * (1 + (frequency / high) ** 8))
    return gain.astype(np.float32)[:, None]


def _harmonic_mask(mixture: Spectrogram) -> Power:
    """Share of the energy that is steadier over time than over frequency, ``[F, K]`` in [0, 1]."""
    magnitude = np.sqrt(power_of(mixture).mean(axis=0))
    harmonic = _median(magnitude) ** 2
    percussive = _median(magnitude.T).T ** 2
    return np.asarray(harmonic / (harmonic + PERCUSSIVE_WEIGHT * percussive + TINY))


def _median(rows: Power) -> Power:
    """Running median along the last axis.

    scipy's filter is fast (logarithmic in the length) in one dimension only, so all rows are joined
    into one, mirrored at their ends.
    """
    from scipy.ndimage import median_filter

    padded = np.pad(rows, ((0, 0), (HALF, HALF)), mode="reflect")
    filtered = median_filter(padded.ravel(), MEDIAN).reshape(padded.shape)
    return np.asarray(filtered[:, HALF:-HALF])
