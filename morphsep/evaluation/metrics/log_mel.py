"""What log-mel spectrograms say: where a sound stands between the ends, how far from the truth."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import numpy as np

from morphsep.dsp import Signal, log_mel, mel_power, position_between
from morphsep.evaluation.metrics.floats import Floats


def log_mel_positions(sequence: Sequence[Signal], sample_rate: int) -> Floats:
    """Position of each sound ``[C, T]`` between the first (0) and the last (1): ``[N]``, no unit.

    SoundMorpher (arXiv 2410.02144), perceptually uniform sampling: ``d0 / (d0 + d1)``, d0 and d1
    the Frobenius distances of its log-mel spectrogram to those of the ends; see
    `morphsep.dsp.mel_position`, which says what differs. 0.5 where both ends are the same.
    """
    mels = _log_mels(sequence, (sequence[0], sequence[-1]), sample_rate)
    return np.array([position_between(here, mels[0], mels[-1]) for here in mels])


def log_mel_steps(sequence: Sequence[Signal], sample_rate: int) -> Floats:
    """Distance in dB of each sound ``[C, T]`` from the next, ``[N - 1]``: the root mean square of
    the difference of their log-mel spectrograms, the same as in `log_mel_positions`. Our own."""
    mels = _log_mels(sequence, (sequence[0], sequence[-1]), sample_rate)
    return np.array([np.sqrt(np.mean((b - a) ** 2)) for a, b in pairwise(mels)])


def largest_deviation(positions: Sequence[float] | Floats, amounts: Sequence[float]) -> float:
    """Largest ``|position - amount|`` of a sequence, 0 to 1. Our own, after SoundMorpher's uniform
    sampling, which would make it 0."""
    return float(np.abs(np.asarray(positions) - np.asarray(amounts)).max())


def monotonicity(positions: Sequence[float] | Floats) -> float:
    """Net way over travelled way of positions ``[N]``: 1 where no step goes back, 0 where the
    sequence comes back to its beginning. NaN if it never moves. Our own."""
    steps = np.diff(np.asarray(positions, np.float64))
    travelled = np.abs(steps).sum()
    return float(steps.sum() / travelled) if travelled > 0 else float("nan")


def distances_to_truth(
    truth: Sequence[Signal], sequence: Sequence[Signal], sample_rate: int
) -> Floats:
    """Distance in dB of each sound of a sequence from each true in-between, ``[truths, N]``; all
    sounds ``[C, T]``.

    Log-spectral distance (Gray, Markel, "Distance measures for speech processing", IEEE Trans. ASSP
    24(5), 1976) on 128 mel bands: the root mean square over the bands of the difference in dB,
    then the mean over frames (2048 samples every 512) and channels. The floor is 80 dB below the
    largest power in any truth. See `same_amount` and `nearest` for its two readings.
    """
    true = _log_mels(truth, truth, sample_rate)
    made = _log_mels(sequence, truth, sample_rate)
    return np.array([[_log_spectral_distance(a, b) for b in made] for a in true])


def same_amount(distances: Floats) -> Floats:
    """Of `distances_to_truth` for a truth at the sequence's own amounts: how far each sound is from
    the truth at the same amount, ``[N]`` in dB. Counts a wrong knob law as an error."""
    return np.diagonal(distances)


def nearest(distances: Floats) -> Floats:
    """Of `distances_to_truth`: how far each truth is from the nearest sound of the path, in dB
    ``[truths]``. Blind to the knob's law: the path alone is judged."""
    return np.asarray(distances.min(axis=1))


def _log_mels(
    sounds: Sequence[Signal], references: Sequence[Signal], sample_rate: int
) -> list[Floats]:
    """Each ``[C, frames, bands]`` in dB against the largest mel power of the references."""
    powers = (float(mel_power(each, rate=sample_rate).max()) for each in references)
    spectrogram = partial(log_mel, reference=max(powers) or 1.0, rate=sample_rate)
    return [np.asarray(spectrogram(each), np.float64) for each in sounds]


def _log_spectral_distance(a: Floats, b: Floats) -> float:
    return float(np.sqrt(np.mean((a - b) ** 2, axis=-1)).mean())
