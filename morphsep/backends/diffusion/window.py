"""Converts a passage to the model's 16 kHz, on frames fixed to the song, and back.

The window around a passage begins and ends on multiples of eight latent frames of song time, so
that overlapping chunks cut the same sound into the same frames, at every level of the U-Net.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from morphsep.backends.diffusion.mel import SAMPLE_RATE
from morphsep.dsp import MODEL_RATE, Signal

FRAME = 1764
"""Samples at 44.1 kHz in a latent frame: 40 ms."""
GRID = 8 * FRAME
"""The U-Net halves the frames three times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """``num_samples`` at 44.1 kHz from the song's sample ``start`` on, padded to the grid."""

    start: int
    num_samples: int

    @property
    def before(self) -> int:
        """Zeros before the passage."""
        return self.start % GRID

    @property
    def after(self) -> int:
        """Zeros after the passage."""
        return -(self.start + self.num_samples) % GRID

    @property
    def num_frames(self) -> int:
        """Latent frames in the window."""
        return (self.before + self.num_samples + self.after) // FRAME

    def down(self, sound: Signal) -> Signal:
        """``[C, T]`` at 44.1 kHz -> ``[C, 640 num_frames]`` at 16 kHz."""
        padded = np.pad(sound, ((0, 0), (self.before, self.after)))
        return _resampled(padded, MODEL_RATE, SAMPLE_RATE)

    def up(self, sound: Signal) -> Signal:
        """``[C, 640 num_frames]`` at 16 kHz -> ``[C, T]`` at 44.1 kHz."""
        return self._crop(_resampled(sound, SAMPLE_RATE, MODEL_RATE))

    def above(self, sound: Signal) -> Signal:
        """The part of ``[C, T]`` above the model's band: the sound less its down- and upsampled
        version.

        The resampler is of linear phase, so this part and the model's band add up to the sound: a
        crossover just below 8 kHz.
        """
        return sound - self.up(self.down(sound))

    def frame_means(self, curve: Signal) -> Signal:
        """``[T]`` -> ``[num_frames]``, its first and last value holding outside the passage."""
        padded = np.pad(curve, (self.before, self.after), mode="edge")
        means: Signal = padded.reshape(-1, FRAME).mean(axis=1, dtype=np.float64).astype(np.float32)
        return means

    def _crop(self, sound: Signal) -> Signal:
        return np.ascontiguousarray(sound[:, self.before : self.before + self.num_samples])


def _resampled(sound: Signal, rate: int, new_rate: int) -> Signal:
    import soxr

    made: Signal = soxr.resample(
        np.ascontiguousarray(sound.T, np.float32), rate, new_rate, quality="VHQ"
    ).T
    assert made.shape[1] * rate == sound.shape[1] * new_rate
    return np.ascontiguousarray(made)
