"""What `jobs.bench.metrics` measures of a sequence: each measure gives named values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from itertools import pairwise

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal
from morphsep.evaluation import metrics

AMOUNTS = (0.0, 0.25, 0.5, 0.75, 1.0)
MIDDLE = 2
GAIN_DB = 6.0
"""By which the inner sounds are made louder, to see whether a metric is blind to it."""

Sounds = Sequence[Signal]
"""A sequence at ``AMOUNTS``, loudness-matched."""
Values = dict[str, float]
Measure = Callable[[Sounds, Sounds], Values]
"""Of a sequence and of the truth at the same amounts."""


def by_cdpam(sequence: Sounds, truth: Sounds) -> Values:
    encodings = [encoded(sound.tobytes()) for sound in sequence]
    steps = metrics.cdpam_steps(encodings)
    whole = metrics.cdpam_distance(encodings[0], encodings[-1])
    return {
        "CDPAM steps, mean": metrics.smoothness(steps).mean,
        "CDPAM steps, deviation": metrics.smoothness(steps).std,
        "CDPAM path (intermediateness)": metrics.intermediateness(steps),
        "CDPAM directness": metrics.directness(steps, whole),
        "CDPAM to the target, mean": float(np.mean(metrics.cdpam_to_target(encodings))),
    }


@cache
def network() -> metrics.Cdpam:
    """CDPAM, loaded once."""
    return metrics.load_cdpam()


@lru_cache(maxsize=16)
def encoded(sound: bytes) -> metrics.Encoding:
    """The encoding of a mono sound; ends are encoded once for knob and crossfade."""
    return network().encode(np.frombuffer(sound, np.float32)[None], MODEL_RATE)


def by_convergence(sequence: Sounds, truth: Sounds) -> Values:
    steps = [metrics.spectral_convergence(b, a) for a, b in pairwise(sequence)]
    whole = metrics.spectral_convergence(sequence[-1], sequence[0])
    return {
        "spectral convergence, path": metrics.intermediateness(steps),
        "spectral convergence, directness": metrics.directness(steps, whole),
    }


def by_zimtohrli(sequence: Sounds, truth: Sounds) -> Values:
    steps = [metrics.zimtohrli_distance(b, a, MODEL_RATE) for a, b in pairwise(sequence)]
    whole = metrics.zimtohrli_distance(sequence[-1], sequence[0], MODEL_RATE)
    return {
        "Zimtohrli path": metrics.intermediateness(steps),
        "Zimtohrli directness": metrics.directness(steps, whole),
        "Zimtohrli largest / smallest step": metrics.unevenness(steps),
    }


def by_position(sequence: Sounds, truth: Sounds) -> Values:
    positions = metrics.log_mel_positions(sequence, MODEL_RATE)
    return {
        "log-mel position, largest deviation": metrics.largest_deviation(positions, AMOUNTS),
        "log-mel position, monotonicity": metrics.monotonicity(positions),
    }


def by_correspondence(sequence: Sounds, truth: Sounds) -> Values:
    ends = sequence[0], sequence[-1]
    value = metrics.correspondence(sequence[MIDDLE], *ends, MODEL_RATE)
    return {"MFCC correspondence (MFCCs_E)": value}


def by_truth(sequence: Sounds, truth: Sounds) -> Values:
    distances = metrics.distances_to_truth(truth, sequence, MODEL_RATE)
    return {
        "distance to the truth, same amount": float(metrics.same_amount(distances)[1:-1].mean()),
        "distance to the truth, nearest": float(metrics.nearest(distances)[1:-1].mean()),
    }


def by_lean(sequence: Sounds, truth: Sounds) -> Values:
    ends = sequence[0], sequence[-1]
    value = metrics.lean_to_louder(sequence[MIDDLE], *ends, MODEL_RATE)
    return {"fusion: lean to the louder end": value}


def by_mix(sequence: Sounds, truth: Sounds) -> Values:
    value = metrics.unmixed_part(sequence[MIDDLE], sequence[0], sequence[-1])
    return {"fusion: what no mix explains": value}


def by_wobble(sequence: Sounds, truth: Sounds) -> Values:
    ends = sequence[0], sequence[-1]
    value = metrics.loudness_wobble(sequence[MIDDLE], *ends, AMOUNTS[MIDDLE], MODEL_RATE)
    return {"loudness wobble": value}


def by_attacks(sequence: Sounds, truth: Sounds) -> Values:
    lost = metrics.lost_sharpness(sequence, AMOUNTS, MODEL_RATE)
    return {"attack sharpness lost": float(lost[MIDDLE])}


MEASURES: Mapping[str, Measure] = {
    "position": by_position, "truth": by_truth, "lean": by_lean, "mix": by_mix,
    "zimtohrli": by_zimtohrli, "convergence": by_convergence, "correspondence": by_correspondence,
    "wobble": by_wobble, "attacks": by_attacks, "cdpam": by_cdpam,
}  # fmt: skip
MORE_IS_BETTER = {
    "CDPAM directness", "spectral convergence, directness", "Zimtohrli directness",
    "log-mel position, monotonicity", "fusion: what no mix explains",
}  # fmt: skip
UNITS = {
    "distance to the truth, same amount": "dB", "distance to the truth, nearest": "dB",
    "fusion: what no mix explains": "dB", "loudness wobble": "dB",
    "attack sharpness lost": "dB in 10 ms",
}  # fmt: skip
