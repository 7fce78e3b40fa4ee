"""Whether a recording is the same take as a stem, and how the two are aligned.

The whitened correlation of two renderings of one take has a peak that is a fraction of a
millisecond wide: another take of the same notes misses it, however exactly it was played.

Two clocks drift: delays are measured in many pieces and fitted by a straight line. First in short
pieces, which drift does not blur, then in long ones that are read along that line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, excerpt_spans
from morphsep.tones.recordings.correlation import correlation
from morphsep.tones.recordings.onsets import candidates, onsets
from morphsep.tones.recordings.positions import read_at
from morphsep.tones.recordings.recording import Recording
from morphsep.tones.tone import Stem

SHORT, NUM_SHORT = 2**16, 16
"""Pieces of the first pass, 1.5 s."""
LONG, NUM_LONG = 2**18, 12
"""Pieces of the second pass, 6 s, or a sixth of a short track: they should not overlap much."""
REACH = MODEL_RATE // 4
"""Samples around a rough delay in which the first pass looks."""
NEAR = MODEL_RATE // 20
"""Samples around the line in which the second pass looks: a chance peak lies within ``AGREE`` of
the line in one piece of 160."""
NEAR_LINE = 0.002 * MODEL_RATE
"""Samples by which a short piece may miss the line: it may drift by as much."""
AGREE = 0.0003 * MODEL_RATE
"""The same for long pieces. Notes on one click by another hand, or another string, lie 0.7 ms
apart; the same take through any built-in tone less than 0.03 ms."""
MOST_DRIFT = 1e-3
"""Clocks differ by less: 1000 ppm."""
LEAST_DRIFT = 4.0
"""Samples of drift over the whole track that can be told from chance."""
ALIKE = 0.8
"""Lines with this share of the best score count as equally good, and the one where most onsets
coincide is taken: a loop or an echo fits well at each of its repetitions."""
SURE = 0.8
"""Share of short pieces on one line above which no other rough delay is tried."""
LOW_BAND = (80.0, 600.0)
"""Hz: band in which polarity is decided; filters and a sample of delay change its phase little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """The stem's sample n is the recording's sample ``delay + (1 + drift) n``."""

    delay: float
    """Samples; positive: the recording begins earlier than the stem."""
    drift: float
    """1e-6 is 1 ppm; positive: the recording's clock is faster."""
    inverted: bool
    """Whether the recording's polarity is inverted."""
    agree: float
    """Share of the pieces whose own best delay lies within 0.3 ms of this line. Pieces where the
    recording is silent do not count, unless it is silent in most."""
    spread: float
    """Median distance of these from the line, in samples."""
    num_pieces: int


def align(stem: Stem, recording: Recording) -> Alignment | None:
    """How the recording lies along the stem; None if there is nothing to compare. ``agree`` says
    whether it is the same take at all."""
    short = _starts(stem, NUM_SHORT, SHORT)
    if not short:
        return None
    rough = candidates(
        onsets(stem.read, stem.num_samples), onsets(recording.read, recording.num_samples)
    )
    lines = []
    for delay in dict.fromkeys((*rough, 0)):
        lines.append(_line(stem, recording, short, delay))
        if lines[-1].agree > SURE:
            break
    best = max(line.score for line in lines)
    return _second(stem, recording, next(x for x in lines if x.score >= ALIKE * best))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A straight line, and how well it fits."""

    delay: float
    drift: float
    score: float
    """Sum of the correlations on it."""
    agree: float
    """Share of the pieces whose best delay lies on it."""


def _line(stem: Stem, recording: Recording, starts: Sequence[int], rough: int) -> _Line:
    """The straight line that fits the delays of most short pieces, near a rough delay."""
    length = min(SHORT, stem.num_samples)
    curves = _curves(stem, recording, starts, rough, length)
    position = np.array(starts) + length / 2
    own = rough - REACH + curves.argmax(axis=1).astype(np.float64)
    lines = _lines(position, own)
    missed = np.array([np.abs(own - delay - drift * position) for delay, drift in lines])
    score = np.maximum(0, 1 - missed / NEAR_LINE) @ curves.max(axis=1)
    best = int(np.argmax(score))
    delay, drift = lines[best]
    # An echo may be stronger than what it repeats: everything on the line counts.
    on_line = np.rint(delay + drift * position - rough + REACH).astype(int)
    reach = np.arange(-int(NEAR_LINE), int(NEAR_LINE) + 1)
    near = np.clip(on_line[:, None] + reach, 0, curves.shape[1] - 1)
    return _Line(
        delay=delay,
        drift=drift,
        score=float(np.take_along_axis(curves, near, axis=1).max(axis=1).sum()),
        agree=float((missed[best] <= NEAR_LINE).mean()),
    )


def _curves(
    stem: Stem, recording: Recording, starts: Sequence[int], rough: int, length: int
) -> npt.NDArray[np.float64]:
    """Correlation of each piece by its delay, ``[pieces, 2 * REACH + 1]``, around a rough delay."""
    pairs = (
        (
            stem.read(start, length),
            recording.read(start + rough - REACH, length + 2 * REACH),
        )
        for start in starts
    )
    return np.array([np.abs(correlation(piece, recorded)) for piece, recorded in pairs])


def _lines(
    position: npt.NDArray[np.float64], own: npt.NDArray[np.float64]
) -> list[tuple[float, float]]:
    """(delay, drift) through each point alone, and through each two that are far enough apart."""
    lines = [(float(delay), 0.0) for delay in own]
    for i, j in combinations(range(len(own)), 2):
        apart = position[j] - position[i]
        if apart > 10 * MODEL_RATE and 0 < abs(own[j] - own[i]) <= MOST_DRIFT * apart:
            drift = float((own[j] - own[i]) / apart)
            lines.append((float(own[i] - drift * position[i]), drift))
    return lines


def _second(stem: Stem, recording: Recording, line: _Line) -> Alignment:
    """The line, refined on long pieces that are read along it."""
    delay, drift = line.delay, line.drift
    length = min(max(SHORT, min(LONG, stem.num_samples // 6)), stem.num_samples)
    starts = _starts(stem, NUM_LONG, length)
    pieces = [stem.read(start, length) for start in starts]
    recorded = [
        read_at(recording.read, delay + (1 + drift) * start - NEAR, 1 + drift, length + 2 * NEAR)
        for start in starts
    ]
    curves = np.array([correlation(*both) for both in zip(pieces, recorded, strict=True)])
    peaks = np.abs(curves).argmax(axis=1)
    sounds = np.abs(curves).max(axis=1) > 0
    position, residual = np.array(starts) + length / 2, peaks - float(NEAR)
    middle = np.median(residual[sounds] if sounds.any() else residual)
    near = sounds & (np.abs(residual - middle) <= NEAR_LINE)
    slope, offset = _through(position[near], residual[near])
    if abs(drift + slope) * stem.num_samples < LEAST_DRIFT and near.any():
        slope, offset = -drift, float(np.median((residual + drift * position)[near]))
    missed = np.abs(residual - offset - slope * position)
    agree = sounds & (missed <= AGREE)
    polarity = sum(
        correlation(pieces[i], recorded[i], LOW_BAND)[peaks[i]].real for i in np.flatnonzero(agree)
    )
    return Alignment(
        delay=delay + offset, drift=drift + slope, inverted=bool(polarity < 0),
        agree=float(agree.sum() / max(sounds.sum(), len(starts) / 2)),
        spread=float(np.median(missed[agree])) if agree.any() else 0.0,
        num_pieces=len(starts),
    )  # fmt: skip


def _through(
    position: npt.NDArray[np.float64], residual: npt.NDArray[np.float64]
) -> tuple[float, float]:
    """(slope, offset) of the line with the median slope of all pairs (Theil and Sen)."""
    slopes = [
        (residual[j] - residual[i]) / (position[j] - position[i])
        for i, j in combinations(range(len(position)), 2)
        if position[j] > position[i]
    ]
    slope = float(np.median(slopes)) if len(position) > 2 else 0.0
    return slope, float(np.median(residual - slope * position)) if len(position) else 0.0


def _starts(stem: Stem, count: int, length: int) -> list[int]:
    spans = excerpt_spans(
        stem.num_samples, stem.rms_per_second,
        num_spans=count, seconds=length / MODEL_RATE, exponent=0.5,
    )  # fmt: skip
    return [span.start for span in spans]
