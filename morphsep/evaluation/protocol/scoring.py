"""One backend's sequence measured: each metric once, one number for the whole sequence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal
from morphsep.evaluation import metrics

Sounds = Sequence[Signal]
Values = dict[str, float]
Curves = dict[str, list[float]]


def measure(
    sequence: Sounds, truth: Sounds, amounts: Sequence[float], *, cdpam: bool
) -> tuple[Values, Curves]:
    """What is measured of a sequence, by name (`results.MEASURES`; those whose package is not here,
    and CDPAM unless asked for, are not among them), and what is measured at each amount
    (`results.CURVES`).

    `sequence`, `truth`: ``[C, T]`` at 44.1 kHz, at the same amounts 0 ... 1, with the same ends.

    Raises:
        SettingError: samples that are no numbers, or CDPAM's weights are not here.
    """
    level = metrics.match_loudness([*sequence, *truth], MODEL_RATE)
    sequence, truth = level[: len(amounts)], level[len(amounts) :]
    values, curves = _beside_truth(sequence, truth)
    positions = metrics.log_mel_positions(sequence, MODEL_RATE).tolist()
    curves["positions"] = positions
    values |= _between_ends(sequence, amounts) | _along_path(sequence, positions, amounts)
    if metrics.has_zimtohrli():
        values |= _zimtohrli(sequence, truth)
    if cdpam:
        values |= _cdpam(sequence)
    return values, curves


def _beside_truth(sequence: Sounds, truth: Sounds) -> tuple[Values, Curves]:
    distances = metrics.distances_to_truth(truth, sequence, MODEL_RATE)
    same, nearest = metrics.same_amount(distances), metrics.nearest(distances)
    convergences = map(metrics.spectral_convergence, sequence[1:-1], truth[1:-1])
    values = {
        "truth_same_amount": _mean(same[1:-1]),
        "truth_nearest": _mean(nearest[1:-1]),
        "convergence_to_truth": _mean(convergences),
    }
    return values, {"distances": same.tolist(), "nearest": nearest.tolist()}


def _between_ends(sequence: Sounds, amounts: Sequence[float]) -> Values:
    a, *inner, b = sequence
    lean = (metrics.lean_to_louder(each, a, b, MODEL_RATE) for each in inner)
    unmixed = (metrics.unmixed_part(each, a, b) for each in inner)
    wobble = (
        metrics.loudness_wobble(each, a, b, amount, MODEL_RATE)
        for each, amount in zip(inner, amounts[1:-1], strict=True)
    )
    middle = [s for s, amount in zip(sequence, amounts, strict=True) if amount == 0.5]
    return {
        "lean_to_louder": _mean(lean),
        "unmixed_part": _mean(unmixed),
        "loudness_wobble": _mean(wobble),
        "correspondence": _mean(metrics.correspondence(m, a, b, MODEL_RATE) for m in middle),
    }


def _along_path(sequence: Sounds, positions: Sequence[float], amounts: Sequence[float]) -> Values:
    steps = [metrics.spectral_convergence(b, a) for a, b in pairwise(sequence)]
    return {
        "position_deviation": metrics.largest_deviation(positions, amounts),
        "position_monotonicity": metrics.monotonicity(positions),
        "largest_step": metrics.largest_step(metrics.log_mel_steps(sequence, MODEL_RATE)),
        "convergence_path": metrics.intermediateness(steps),
        "lost_sharpness": _mean(metrics.lost_sharpness(sequence, amounts, MODEL_RATE)[1:-1]),
    }


def _zimtohrli(sequence: Sounds, truth: Sounds) -> Values:
    def distance(a: Signal, b: Signal) -> float:
        return metrics.zimtohrli_distance(b, a, MODEL_RATE)

    return {
        "zimtohrli_path": metrics.intermediateness(
            [distance(*both) for both in pairwise(sequence)]
        ),
        "zimtohrli_to_truth": _mean(map(distance, truth[1:-1], sequence[1:-1])),
    }


def _cdpam(sequence: Sounds) -> Values:
    network = _network()
    encodings = [network.encode(sound, MODEL_RATE) for sound in sequence]
    steps = metrics.cdpam_steps(encodings)
    return {
        "cdpam_step_mean": metrics.smoothness(steps).mean,
        "cdpam_step_deviation": metrics.smoothness(steps).std,
        "cdpam_path": metrics.intermediateness(steps),
        "cdpam_to_target": _mean(metrics.cdpam_to_target(encodings)[:-1]),
    }


@lru_cache(maxsize=1)
def _network() -> metrics.Cdpam:
    """CDPAM, loaded once in each process."""
    return metrics.load_cdpam()


def _mean(values: Iterable[float]) -> float:
    """Of those that are defined; NaN if none is."""
    defined = [value for value in values if np.isfinite(value)]
    return float(np.mean(defined)) if defined else float("nan")
