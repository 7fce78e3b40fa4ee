"""Where a morph stands between its ends, as the ear would place it.

Mel position: SoundMorpher (arXiv 2410.02144), ``d0 / (d0 + d1)`` with d0, d1 the distances of
the log-mel spectrograms to the source's and to the target's.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from morphsep.dsp.signal import MODEL_RATE, Signal

Array = npt.NDArray[np.floating]

RANGE_DB = 80.0
"""Floor of the log-mel spectrogram, in dB below the reference."""


def mel(frequency: npt.ArrayLike) -> Array:
    """Hz to mel on Slaney's scale: linear below 1 kHz (15 mel), logarithmic above."""
    frequency = np.asarray(frequency, np.float64)
    above = 15 + np.log(np.maximum(frequency, 1000) / 1000) * 27 / np.log(6.4)
    return np.where(frequency < 1000, frequency * 3 / 200, above)


def hertz(mels: Array) -> Array:
    """Mel to Hz; the inverse of ``mel``."""
    above = 1000 * np.exp((np.maximum(mels, 15) - 15) * np.log(6.4) / 27)
    return np.where(mels < 15, mels * 200 / 3, above)


@lru_cache(maxsize=8)
def mel_filters(num_bands: int, n_fft: int, rate: int) -> Array:
    """``[num_bands, n_fft // 2 + 1]``: triangles between equal steps in mel from 0 Hz to
    ``rate / 2``, each of area 1 over Hz (Slaney's normalisation)."""
    edges = hertz(np.linspace(0, mel(rate / 2), num_bands + 2))[:, None]
    bins = np.arange(n_fft // 2 + 1) * rate / n_fft
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters: Array = np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2])
    return filters


def mel_power(
    x: Signal, *, num_bands: int = 128, n_fft: int = 2048, hop: int = 512, rate: int = MODEL_RATE
) -> Array:
    """Power mel spectrogram ``[C, frames, num_bands]`` of ``[C, T]``, frames centred."""
    padded = np.pad(x, ((0, 0), (n_fft // 2, n_fft // 2)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft, axis=-1)[:, ::hop]
    window = np.hanning(n_fft + 1)[:-1].astype(np.float32)
    power = np.abs(np.fft.rfft(frames * window, axis=-1)) ** 2
    bands: Array = power @ mel_filters(num_bands, n_fft, rate).T.astype(power.dtype)
    return bands


def log_mel(
    x: Signal,
    *,
    reference: float,
    num_bands: int = 128,
    n_fft: int = 2048,
    hop: int = 512,
    rate: int = MODEL_RATE,
) -> Array:
    """Log-mel spectrogram in dB against ``reference``, ``[C, frames, num_bands]``.

    Args:
        x: ``[C, T]``.
        reference: mel power that is 0 dB; the floor is ``RANGE_DB`` below. Fixed by the caller,
            not each clip's own maximum, which would hide a change of level and let one loud frame
            in the morph shift all others against the ends.
    """
    return _decibels(mel_power(x, num_bands=num_bands, n_fft=n_fft, hop=hop, rate=rate), reference)


def _decibels(power: Array, reference: float) -> Array:
    decibels: Array = 10 * np.log10(np.maximum(power / reference, 10 ** (-RANGE_DB / 10)))
    return decibels


class MelPositions:
    """Positions between the same two ends, which are looked at once: see `mel_position`."""

    def __init__(self, source: Signal, target: Signal) -> None:
        powers = [mel_power(end) for end in (source, target)]
        self._reference = max(float(power.max()) for power in powers) or 1.0
        self._ends = [_decibels(power, self._reference) for power in powers]

    def of(self, x: Signal) -> float:
        """Of ``[C, T]``: 0 at the source, 1 at the target."""
        return position_between(log_mel(x, reference=self._reference), *self._ends)


def mel_position(x: Signal, source: Signal, target: Signal) -> float:
    """Position of ``x`` between ``source`` (0) and ``target`` (1), all ``[C, T]``.

    The reference is the largest mel power in either end: one for all three. 0.5 if all three are
    the same.
    """
    return MelPositions(source, target).of(x)


def position_between(here: Array, source: Array, target: Array) -> float:
    """Like `mel_position`, for log-mel spectrograms of one shape against one reference."""
    d0, d1 = (float(np.linalg.norm(here - there)) for there in (source, target))
    return d0 / (d0 + d1) if d0 + d1 > 0 else 0.5
