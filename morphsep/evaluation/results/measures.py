"""Which measures the tables have; `morphsep.evaluation.metrics` says what each is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Curve = Literal["distances", "nearest", "positions"]
"""A field of `Score`: what is measured at each amount."""
CURVES: tuple[Curve, ...] = get_args(Curve)


@dataclass(frozen=True, slots=True)
class Measure:
    """A column of the tables: one number for a whole sequence."""

    name: str
    title: str
    """In reports; with the unit where there is one."""


MEASURES = (
    Measure("truth_same_amount", "distance to the truth, same amount (dB)"),
    Measure("truth_nearest", "distance to the truth, nearest (dB)"),
    Measure("lean_to_louder", "fusion: lean to the louder end"),
    Measure("unmixed_part", "fusion: what no mix explains (dB)"),
    Measure("position_deviation", "log-mel position, largest deviation"),
    Measure("position_monotonicity", "log-mel position, monotonicity"),
    Measure("largest_step", "log-mel, largest step over the mean"),
    Measure("correspondence", "MFCC correspondence (MFCCs_E)"),
    Measure("convergence_to_truth", "spectral convergence to the truth"),
    Measure("convergence_path", "spectral convergence, path"),
    Measure("loudness_wobble", "loudness wobble (dB)"),
    Measure("lost_sharpness", "attack sharpness lost (dB in 10 ms)"),
    Measure("zimtohrli_path", "Zimtohrli path"),
    Measure("zimtohrli_to_truth", "Zimtohrli to the truth"),
    Measure("cdpam_step_mean", "CDPAM of neighbours, mean"),
    Measure("cdpam_step_deviation", "CDPAM of neighbours, deviation"),
    Measure("cdpam_path", "CDPAM path (CDPAM_T)"),
    Measure("cdpam_to_target", "CDPAM to the target, mean"),
)
