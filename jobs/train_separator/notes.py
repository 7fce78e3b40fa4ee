"""Notes of the training songs, and what all parts of one song share.

Every function takes a numpy generator, so that a song depends on its number alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

Rng = np.random.Generator

SCALES = (
    (0, 2, 3, 5, 7, 8, 10),
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 9, 10),
    (0, 1, 3, 5, 7, 8, 10),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One note; times in seconds, pitch as a MIDI number."""

    start: float
    length: float
    pitch: int
    velocity: int = 96
    muted: bool = False
    bend: tuple[float, float] = (0.0, 0.0)
    """Semitones at the start and at the end of the note."""
    vibrato: float = 0.0
    """Depth in semitones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the parts of one song share."""

    seconds: float
    beat: float
    """Seconds of a quarter note."""
    root: int
    """Pitch class, 0 to 11."""
    scale: tuple[int, ...]
    degrees: tuple[int, ...]
    """Scale degree of each bar's chord, repeated."""

    def chord(self, time: float, size: int = 3) -> tuple[int, ...]:
        """Pitch classes of the chord at `time`, root first."""
        degree = self.degrees[int(time / (4 * self.beat)) % len(self.degrees)]
        steps = [degree + 2 * i for i in range(size)]
        return tuple((self.root + self.scale[s % 7]) % 12 for s in steps)


def plan(rng: Rng, seconds: float) -> Plan:
    """Tempo, key and chords."""
    return Plan(
        seconds=seconds,
        beat=60 / rng.uniform(70, 190),
        root=int(rng.integers(12)),
        scale=SCALES[rng.integers(len(SCALES))],
        degrees=tuple(int(d) for d in rng.choice([0, 0, 3, 4, 5, 6, 2], rng.choice([1, 2, 4]))),
    )


def at_or_above(pitch_class: int, low: int) -> int:
    """The lowest MIDI pitch of a pitch class from `low` on."""
    return low + (pitch_class - low) % 12


def grid(song: Plan, step: float, rng: Rng, density: float) -> list[tuple[float, float]]:
    """(start, length) of the hits of a bar's pattern on steps of `step` beats, over the song."""
    per_bar = round(4 / step)
    hits = rng.random(per_bar) < density
    hits[0] = True
    starts = np.flatnonzero(hits)
    spans = np.diff([*starts, per_bar])
    bar, unit = 4 * song.beat, step * song.beat
    return [
        (b * bar + p * unit, s * unit)
        for b in range(int(song.seconds / bar) + 1)
        for p, s in zip(starts, spans, strict=True)
        if b * bar + p * unit < song.seconds - 0.1
    ]


def note_at(rng: Rng, start: float, length: float, pitch: int, muted: bool = False) -> Note:
    """A note with a random velocity."""
    velocity = int(np.clip(rng.normal(96, 14), 35, 127))
    return Note(
        start=float(start),
        length=float(max(length, 0.05)),
        pitch=int(pitch),
        velocity=velocity,
        muted=muted,
    )


def with_rests(notes: list[Note], song: Plan, rng: Rng) -> list[Note]:
    """Some songs are played through; the others have rests of one to four bars."""
    if rng.random() < 0.4:
        return notes
    bar = 4 * song.beat * int(rng.choice([1, 2]))
    plays = rng.random(int(song.seconds / bar) + 2) < 0.72
    return [n for n in notes if plays[int(max(0.0, n.start) / bar)]]


def humanised(notes: list[Note], rng: Rng, spread: float = 0.008) -> list[Note]:
    """Another take of the same part."""
    return [
        replace(
            n,
            start=max(0.0, n.start + float(rng.normal(0, spread))),
            velocity=int(np.clip(n.velocity + rng.normal(0, 6), 30, 127)),
        )
        for n in notes
    ]
