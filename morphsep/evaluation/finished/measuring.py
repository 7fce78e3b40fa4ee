"""What is measured of a finished track, for which no true in-between is known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import isfinite

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal, Span
from morphsep.evaluation import metrics
from morphsep.evaluation.finished.opening import Opened, Passage
from morphsep.evaluation.finished.scores import MEASURES, Values
from morphsep.evaluation.finished.selecting import FLANK, INNER, Finished

MOVES = 0.05
"""Change of the amount within an excerpt, from which on it is no one place between the tones: what
an in-between is held against holds for one amount."""
BETWEEN = (
    "position", "position_deviation", "lean_to_louder", "crossfade_lean", "unmixed_part",
    "loudness_wobble", "lost_sharpness",
)  # fmt: skip
"""What only an in-between has."""
ROOM = "double_slope"
"""What only tones that ring have: there is nothing to say of others."""
AT_SEAMS = ("seam_step_db", "elsewhere_step_db", "seam_flux_db", "elsewhere_flux_db")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """An excerpt's guitar and both its ends at one loudness, ``[C, T]``."""

    amounts: Signal
    """``[T]``, as they were asked for."""
    source: Signal
    morphed: Signal
    target: Signal

    @classmethod
    def of(cls, passage: Passage) -> Ends:
        """Those of a passage."""
        sounds = (passage.source, passage.morphed, passage.target)
        source, morphed, target = metrics.match_loudness(sounds, MODEL_RATE)
        return cls(amounts=passage.amount, source=source, morphed=morphed, target=target)

    @property
    def amount(self) -> float:
        """The mean."""
        return float(self.amounts.mean())

    @property
    def is_between(self) -> bool:
        """Whether the amount is neither 0 nor 1."""
        return INNER[0] < self.amount < INNER[1]

    @property
    def moves(self) -> bool:
        """Whether there is no one amount."""
        return float(np.ptp(self.amounts)) >= MOVES

    @property
    def crossfade(self) -> Signal:
        """Both ends mixed at the same amounts, at the same loudness."""
        mixed = np.asarray(self.source + self.amounts * (self.target - self.source), np.float32)
        (matched,) = metrics.match_loudness([mixed], MODEL_RATE)
        return matched


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Values by the name of the measure, and why others are not there."""

    amount: float
    values: Values
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def not_measured(self) -> str:
        """What is not there, by reason."""
        reasons = defaultdict[str, list[str]](list)
        for name, why in self.missing.items():
            reasons[why].append(name)
        return "; ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items())


def measure(track: Finished, sounds: Opened) -> Measured:
    """All that is defined for a track.

    Raises:
        MorphsepError: its sounds cannot be had.
    """
    ends = [Ends.of(sounds.passage(span)) for span in track.excerpts]
    each = [_to_target(one) for one in ends]
    missing: dict[str, str] = {}
    if not sounds.same_notes:
        missing |= dict.fromkeys(BETWEEN, "the tones play other notes")
    elif not (inner := [one for one in ends if one.is_between]):
        missing |= dict.fromkeys(BETWEEN, "the amount is 0 or 1, nothing lies between")
    elif not (held := [one for one in inner if not one.moves]):
        missing |= dict.fromkeys(BETWEEN, "the amount moves throughout the excerpts")
    else:
        each += [_between(one) for one in held]
    if not track.seams:
        missing |= dict.fromkeys(AT_SEAMS, "no seam beside a long morphed chunk")
    if not metrics.has_zimtohrli():
        missing["zimtohrli_to_target"] = "the package is not installed"
    values = _pooled(each) | _at_seams(track, sounds) | _louder(track) | _rooms(track)
    for name in (each.name for each in MEASURES if each.name not in {ROOM, *values}):
        missing.setdefault(name, "not defined for this sound")
    amount = float(np.mean([one.amount for one in ends]))
    return Measured(amount=amount, values=values, missing=missing)


def _to_target(ends: Ends) -> Values:
    values = {"convergence_to_target": metrics.spectral_convergence(ends.morphed, ends.target)}
    if metrics.has_zimtohrli():
        distance = metrics.zimtohrli_distance(ends.morphed, ends.target, MODEL_RATE)
        values["zimtohrli_to_target"] = distance
    return values


def _between(ends: Ends) -> Values:
    a, here, b, amount = ends.source, ends.morphed, ends.target, ends.amount
    _, position, _ = metrics.log_mel_positions((a, here, b), MODEL_RATE)
    _, lost, _ = metrics.lost_sharpness((a, here, b), (0.0, amount, 1.0), MODEL_RATE)
    return {
        "position": float(position),
        "position_deviation": abs(float(position) - amount),
        "lean_to_louder": metrics.lean_to_louder(here, a, b, MODEL_RATE),
        "crossfade_lean": metrics.lean_to_louder(ends.crossfade, a, b, MODEL_RATE),
        "unmixed_part": metrics.unmixed_part(here, a, b),
        "loudness_wobble": metrics.loudness_wobble(here, a, b, amount, MODEL_RATE),
        "lost_sharpness": float(lost),
    }


def _pooled(each: Iterable[Values]) -> Values:
    """Means of those that are defined; of the deviation the largest."""
    known = defaultdict[str, list[float]](list)
    for values in each:
        for name, value in values.items():
            if isfinite(value):
                known[name].append(value)
    pool = {"position_deviation": np.max}
    return {name: float(pool.get(name, np.mean)(values)) for name, values in known.items()}


def _at_seams(track: Finished, sounds: Opened) -> Values:
    values: Values = {}
    for where, spans in (("seam", track.seams), ("elsewhere", track.elsewhere)):
        if spans:
            step, flux = np.max([_stand_out(sounds, span) for span in spans], axis=0)
            values |= {f"{where}_step_db": float(step), f"{where}_flux_db": float(flux)}
    return values


def _stand_out(sounds: Opened, span: Span) -> Sequence[float]:
    """Step and flux in dB."""
    start = max(span.start - FLANK, 0)
    morphed, stem = sounds.guitar(Span(start, span.stop + FLANK))
    return metrics.worst_seam(morphed, stem, [Span(span.start - start, span.stop - start)])


def _rooms(track: Finished) -> Values:
    """From the manifest."""
    slope = track.row.worst_double_slope
    return {} if slope is None else {ROOM: slope}


def _louder(track: Finished) -> Values:
    """From the manifest; the gain against clipping is no part of the morph."""
    row = track.row
    if row.lufs is None or row.lufs_before is None:
        return {}
    return {"song_louder": row.lufs - (row.gain_db or 0.0) - row.lufs_before}
