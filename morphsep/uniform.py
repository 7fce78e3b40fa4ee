"""Perceptual reparametrisation: equal steps of the amount sound like equal steps.

A backend's own amount is a physical quantity (dB of drive, dB of a partial), and half of it is
rarely halfway to the ear. ``measure`` renders an excerpt of the stem at a few amounts, takes the
mel position of each and inverts the map: SoundMorpher's uniform sampling (arXiv 2410.02144), with
one interpolated map in place of a bisection per point. It is measured once per tone pair or
track, never per chunk: it must not change in the middle of a song.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from morphsep.backends import Backend, Passage
from morphsep.metrics.melposition import log_mel, mel_power
from morphsep.signal import MODEL_RATE, Signal
from morphsep.tones import Tone

SAME_TONE_DB = 0.1
"""Mean distance of two log-mel spectrograms in dB below which two tones sound the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Warp:
    """Amount as the ear counts it -> amount as the backend counts it: monotone, continuous,
    piecewise linear, 0 to 0 and 1 to 1."""

    positions: tuple[float, ...] = (0.0, 1.0)
    """Perceived amounts at the knots, increasing from 0 to 1."""
    amounts: tuple[float, ...] = (0.0, 1.0)
    """The backend's amounts there, increasing from 0 to 1."""

    def __call__(self, amount: Signal) -> Signal:
        """Curve ``[T]`` in [0, 1] -> curve ``[T]`` in [0, 1]."""
        if len(self.positions) == 2:
            return amount
        return np.interp(amount, self.positions, self.amounts).astype(np.float32)

    def to_json(self) -> dict[str, list[float]]:
        """As JSON's own types."""
        return {"positions": list(self.positions), "amounts": list(self.amounts)}

    @classmethod
    def from_json(cls, knots: Mapping[str, Sequence[float]]) -> Warp:
        """Back from ``to_json``."""
        return cls(positions=tuple(knots["positions"]), amounts=tuple(knots["amounts"]))


def excerpt(
    read: Callable[[int, int], Signal],
    num_samples: int,
    level_per_second: Sequence[float] | Signal,
    *,
    seconds: int = 5,
) -> tuple[Signal, int]:
    """``seconds`` of a stem that stand for the rest: as loud as where its energy is.

    Half of the stem's energy lies in louder places, half in quieter ones. (The loudest place is an
    exception: measured on it, the drives of a whole song came out up to 0.31 off, on this one
    0.07.)

    Args:
        read: ``read(start, n)`` -> ``[C, n]`` of the stem at 44.1 kHz.
        num_samples: the stem's length.
        level_per_second: linear RMS of each second of the stem.

    Returns:
        (``[C, T]``, start); the whole stem if it is shorter.
    """
    power = np.asarray(level_per_second, np.float64) ** 2
    sums = np.convolve(power, np.ones(seconds), mode="valid") if len(power) >= seconds else power
    start = min(energy_median(sums) * MODEL_RATE, max(0, num_samples - seconds * MODEL_RATE))
    return read(start, min(seconds * MODEL_RATE, num_samples - start)), start


def energy_median(powers: np.ndarray) -> int:
    """Index at which half of the sum is reached, counted from the loudest down; 0 if empty."""
    if not len(powers):
        return 0
    loudest_first = np.argsort(-powers, kind="stable")
    sums = np.cumsum(powers[loudest_first])
    return int(loudest_first[np.searchsorted(sums, sums[-1] / 2)])


def measure(
    backend: Backend,
    source_tone: Tone,
    target_tone: Tone,
    stem: Signal,
    start: int,
    level: float,
    *,
    num_points: int = 9,
) -> Warp:
    """Find the warp that makes a backend's amount perceptually uniform for a pair of tones.

    Args:
        stem: excerpt ``[C, T]`` at 44.1 kHz, as from ``excerpt``.
        start: the song's sample at which it stands.
        level: integrated loudness of the whole stem in LUFS.
        num_points: most amounts to render; each goes where the largest step is left.

    Raises:
        SettingError: the backend cannot morph this pair.
    """
    amount = np.zeros(stem.shape[1], np.float32)
    passage = Passage(
        stem=stem,
        start=start,
        amount=amount,
        source_tone=source_tone,
        target_tone=target_tone,
        level=level,
    )
    scale = Scale.between(passage, backend.context(source_tone, target_tone))
    if scale.same:
        return Warp()
    points = {0.0: 0.0, 1.0: 1.0}
    while len(points) < num_points + 2 and (next_amount := largest_gap(points)) is not None:
        points[next_amount] = scale.position(backend.morph([at_amount(passage, next_amount)])[0])
    return invert(points)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scale:
    """The ends as log-mel spectrograms, to place any number of morphs between them."""

    source: np.ndarray
    target: np.ndarray
    reference: float
    settled: slice

    @classmethod
    def between(cls, passage: Passage, context: tuple[int, int]) -> Scale:
        """Leaves out what has not settled, if at least half of the passage has."""
        before, after = context
        length = passage.stem.shape[1]
        settled = (
            slice(before, length - after) if before + after < length // 2 else slice(0, length)
        )
        ends = passage.source[:, settled], passage.target[:, settled]
        reference = max(float(mel_power(end).max()) for end in ends) or 1.0
        source, target = (log_mel(end, reference=reference) for end in ends)
        return cls(source=source, target=target, reference=reference, settled=settled)

    @property
    def same(self) -> bool:
        return bool(np.sqrt(np.mean((self.source - self.target) ** 2)) < SAME_TONE_DB)

    def position(self, morphed: Signal) -> float:
        """Mel position of ``[C, T]``, see ``morphsep.metrics.melposition``."""
        here = log_mel(morphed[:, self.settled], reference=self.reference)
        d0, d1 = (float(np.linalg.norm(here - end)) for end in (self.source, self.target))
        return d0 / (d0 + d1)


def at_amount(passage: Passage, amount: float) -> Passage:
    """The same passage at a constant amount; what is rendered of its ends is taken along."""
    moved = replace(passage, amount=np.full_like(passage.amount, amount))
    rendered = {name: x for name, x in vars(passage).items() if name in ("source", "target")}
    vars(moved).update(rendered)
    return moved


def largest_gap(points: dict[float, float], enough: float = 0.15) -> float | None:
    """Amount in the middle of the largest step in position; None if all are small ``enough``
    or too close in amount to matter."""
    amounts = sorted(points)
    gaps = [(abs(points[b] - points[a]), (a + b) / 2) for a, b in pairwise(amounts) if b - a > 1e-3]
    gap, middle = max(gaps, key=lambda each: each[0])
    return middle if gap > enough else None


def invert(points: dict[float, float]) -> Warp:
    """Measured (amount -> position) as a warp (position -> amount)."""
    amounts = np.array(sorted(points))
    positions = isotonic(np.array([points[amount] for amount in sorted(points)]))
    kept = np.flatnonzero(np.diff(positions, prepend=-1.0) > 1e-3)
    kept = kept[(positions[kept] < 1 - 1e-3) & (positions[kept] > 1e-3)]
    return Warp(
        positions=(0.0, *positions[kept].tolist(), 1.0),
        amounts=(0.0, *amounts[kept].tolist(), 1.0),
    )


def isotonic(values: np.ndarray) -> np.ndarray:
    """Nearest non-decreasing sequence in the least-squares sense (pool adjacent violators)."""
    pools: list[tuple[float, int]] = []
    for value in values.tolist():
        pools.append((value, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, m), (b, n) = pools.pop(-2), pools.pop()
            pools.append(((a * m + b * n) / (m + n), m + n))
    return np.repeat([value for value, _ in pools], [count for _, count in pools])
