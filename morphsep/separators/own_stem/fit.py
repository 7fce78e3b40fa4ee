"""Finds the user's stem in the mix, or says why it does not belong there."""

from __future__ import annotations

import logging

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal, dbfs
from morphsep.errors import TrackError
from morphsep.separators.own_stem.alignment import Excerpt, Fit, fit
from morphsep.separators.own_stem.file import StemFile
from morphsep.separators.own_stem.misfit import MAX_LAG, REACH, misfit
from morphsep.separators.separator import Mix

log = logging.getLogger(__name__)

WARN_LEVEL_DB = 1.0
"""dB between the stem and the guitar in the mix from which on the log says so."""
NUM_EXCERPTS, EXCERPT = 6, 2**18
"""Excerpts, one where the stem is loudest in each sixth of the track, and their length: 6 s."""
MAX_PROBES = 300
"""Most seconds whose level is measured, evenly spaced: a long tape is not read as a whole."""
TOO_SHORT = 2048
"""Samples below which a lag cannot be told from chance; such a stem is used as it is."""


def find(mix: Mix, stem: StemFile) -> Fit | None:
    """How the stem lies in the mix; None where there is nothing to align (silent, very short).

    Raises:
        TrackError: ``stem_does_not_fit``, with the first reason found.
    """
    _check_length(mix, stem)
    excerpts = _excerpts(mix, stem)
    if not excerpts:
        return None
    found = fit(excerpts, MODEL_RATE)
    reason = misfit(excerpts, found, mix, stem)
    if reason is not None:
        raise _does_not_fit(reason)
    _warn_of_level(found)
    log.info("stem found at lag %d samples, gain %.3f", found.lag, found.gain)
    return found


def _excerpts(mix: Mix, stem: StemFile) -> list[Excerpt]:
    length = min(EXCERPT, stem.num_samples)
    if length < TOO_SHORT:
        return []
    starts = [
        min(max(centre - length // 2, 0), stem.num_samples - length)
        for centre in _loud_positions(stem)
    ]
    return [
        Excerpt(
            stem=read_finite(stem, start, length, mix.num_channels),
            mix=mix.read(start - REACH, length + 2 * REACH),
            start=start,
        )
        for start in dict.fromkeys(starts)
    ]


def _loud_positions(stem: StemFile) -> list[int]:
    """The middle of the loudest second in each part of the stem that sounds at all."""
    num_seconds = -(-stem.num_samples // MODEL_RATE)
    stride = -(-num_seconds // MAX_PROBES)
    for step in dict.fromkeys((stride, 1)):
        seconds = np.arange(0, num_seconds, step)
        levels = np.array([_energy(stem, int(second)) for second in seconds])
        parts = np.array_split(np.arange(len(seconds)), min(NUM_EXCERPTS, len(seconds)))
        loudest = [part[np.argmax(levels[part])] for part in parts]
        positions = [
            int(seconds[i]) * MODEL_RATE + MODEL_RATE // 2 for i in loudest if levels[i] > 0
        ]
        if positions:
            return positions
    return []


def _energy(stem: StemFile, second: int) -> float:
    samples = stem.read(second * MODEL_RATE, MODEL_RATE).astype(np.float64)
    return float(np.sum(samples**2))


def read_finite(stem: StemFile, start: int, num_samples: int, num_channels: int) -> Signal:
    """The stem's samples with the mix's channels, ``[num_channels, num_samples]``.

    Raises:
        TrackError: ``non_finite``.
    """
    samples = stem.read(start, num_samples)
    if not np.isfinite(samples).all():
        raise TrackError("non_finite", "The stem holds NaN or infinite samples; export it again.")
    return _with_channels(samples, num_channels)


def _with_channels(samples: Signal, num_channels: int) -> Signal:
    if samples.shape[0] == num_channels:
        return samples
    if num_channels == 1:
        return np.asarray(samples.mean(axis=0, keepdims=True), np.float32)
    return np.repeat(samples, num_channels, axis=0)


def _check_length(mix: Mix, stem: StemFile) -> None:
    if abs(stem.num_samples - mix.num_samples) > MAX_LAG:
        raise _does_not_fit(
            f"it lasts {stem.num_samples / MODEL_RATE:.2f} s and the track "
            f"{mix.num_samples / MODEL_RATE:.2f} s; export it over the track's whole length"
        )


def _warn_of_level(found: Fit) -> None:
    level = dbfs(found.gain)
    if abs(level) > WARN_LEVEL_DB:
        log.warning(
            "the mix has the guitar %+.1f dB against the stem: a residual stays in the backing",
            level,
        )


def _does_not_fit(reason: str) -> TrackError:
    return TrackError("stem_does_not_fit", f"The stem does not fit: {reason}.")
