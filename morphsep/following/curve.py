"""From a stem to the curve of its amounts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, SILENT, Seconds, dbfs
from morphsep.following import conditioning
from morphsep.following.density import density
from morphsep.following.frames import BLOCK, HOP, Read, measure, num_frames
from morphsep.following.pitch import steady
from morphsep.following.points import thinned
from morphsep.request import Curve, Following

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LEAST = {"level": 6.0, "brightness": 1.0, "density": 2.0, "pitch": 2.0}
"""Decibels, octaves, onsets a second, semitones between a track's percentiles that are a change at
all: of less a scale would be made of noise (a track of one chord)."""
DIGITS = 4
"""Of an amount."""
TOLERANCE = 0.001
"""Of a point that is left out."""
HALF = 0.5
"""Share of the change that is made in a passage from which on a guitar plays in it."""


def follow(asked: Following, read: Read, num_samples: int, share: Read | None = None) -> Curve:
    """The amounts of a whole track.

    Args:
        read: the whole stem, before any tone.
        share: how much of the change is made, ``share(start, n)`` -> ``[n]`` in [0, 1], where the
            stem is an estimate: where it is less than half, the guitar rests.
    """
    flux = {"density": "flux"}
    wanted = [flux.get(name, name) for name, _ in asked.terms if name != "level"]
    found = measure(wanted, read, num_samples)
    plays = _plays(asked, found["level"])
    if share is not None:
        plays &= _played(share, num_samples)
    if "flux" in found:
        found["density"] = density(found.pop("flux"), plays)
    if "pitch" in found:
        found["pitch"] = steady(found["pitch"])
    return _curve(asked, _conditioned(asked, _combined(asked, found, plays), plays))


def _plays(asked: Following, level: Floats) -> Bools:
    """Where the guitar does not rest."""
    loudest = float(level.max())
    gate = dbfs(SILENT) if asked.gate is None else max(dbfs(SILENT), loudest + asked.gate)
    return level >= gate


def _played(share: Read, num_samples: int) -> Bools:
    """Where an estimated stem holds a guitar."""
    count = num_frames(num_samples)
    parts = [
        share(first * HOP, (min(BLOCK, count - first) - 1) * HOP + 1)[::HOP]
        for first in range(0, count, BLOCK)
    ]
    return np.concatenate(parts) >= HALF


def _combined(asked: Following, found: dict[str, Floats], plays: Bools) -> Floats:
    """The weighted mean of what is followed, 0 to 1."""
    total = sum(abs(weight) for _, weight in asked.terms)
    mean = np.zeros(len(plays))
    for name, weight in asked.terms:
        value = conditioning.scaled(found[name], plays, LEAST[name])
        mean += abs(weight) / total * (value if weight > 0 else 1 - value)
    return 1 - mean if asked.invert else mean


def _conditioned(asked: Following, values: Floats, plays: Bools) -> Floats:
    """The amount's place in its range, 0 to 1."""
    values = np.where(plays, np.clip(values, 0.0, 1.0) ** asked.curve, 0.0)
    values = conditioning.ahead(values, round(_frames(asked.lookahead)))
    values = conditioning.smoothed(values, _frames(asked.attack), _frames(asked.release))
    values = conditioning.with_hysteresis(values, asked.hysteresis)
    if asked.slew is not None:
        most = asked.slew / (asked.ceiling - asked.floor) / _frames(1.0)
        values = conditioning.slewed(values, most)
    return values


def _frames(time: Seconds) -> float:
    return time * MODEL_RATE / HOP


def _curve(asked: Following, values: Floats) -> Curve:
    amounts = np.round(asked.floor + (asked.ceiling - asked.floor) * values, DIGITS).tolist()
    return Curve(tuple((at * HOP, amounts[at]) for at in thinned(amounts, TOLERANCE)))
