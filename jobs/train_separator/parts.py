"""Notes for the training songs: what guitars, bass, drums, keys and a lead play. No sound here.

Every function takes a numpy generator, so that a song is its number and nothing else.
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
PENTATONIC = (0, 3, 5, 7, 10)
KICK, SNARE, CLOSED, OPEN, CRASH, RIDE = 36, 38, 42, 46, 49, 51
TOMS = (50, 48, 47, 45, 43, 41)


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


def _at_or_above(pitch_class: int, low: int) -> int:
    return low + (pitch_class - low) % 12


def _grid(song: Plan, step: float, rng: Rng, density: float) -> list[tuple[float, float]]:
    """(start, length) of the hits of a bar's pattern on steps of `step` beats, over the song."""
    per_bar = round(4 / step)
    hits = rng.random(per_bar) < density
    hits[0] = True
    places = np.flatnonzero(hits)
    spans = np.diff([*places, per_bar])
    bar, unit = 4 * song.beat, step * song.beat
    return [
        (b * bar + p * unit, s * unit)
        for b in range(int(song.seconds / bar) + 1)
        for p, s in zip(places, spans, strict=True)
        if b * bar + p * unit < song.seconds - 0.1
    ]


def riff(song: Plan, rng: Rng) -> list[Note]:
    """Power chords and palm-muted single notes low on the neck."""
    low = int(rng.choice([33, 35, 36, 38, 40, 40]))
    notes = []
    pedal = rng.random() < 0.5
    long = rng.random() < 0.2
    for start, length in _grid(song, rng.choice([0.25, 0.5, 0.5, 1.0]), rng, rng.uniform(0.4, 1.0)):
        if rng.random() < 0.04:
            continue
        root = _at_or_above(song.chord(start)[0], low)
        muted = pedal and rng.random() < 0.6
        if muted:
            pitches = [_at_or_above(song.root, low)] + ([root + 7] if rng.random() < 0.3 else [])
        else:
            pitches = [root, root + 7, root + 12][: rng.choice([1, 2, 3])]
        held = min(length, 0.12) if muted else length * rng.uniform(0.7, 1.0) * (2 if long else 1)
        notes += [_note(rng, start, held, p, muted=muted) for p in pitches]
    return notes


def strum(song: Plan, rng: Rng) -> list[Note]:
    """Full chords over four to six strings, strummed down and up."""
    notes = []
    size = int(rng.choice([3, 3, 4]))
    for start, length in _grid(song, 0.5, rng, rng.uniform(0.3, 0.9)):
        classes = song.chord(start, size)
        pitch = _at_or_above(classes[0], 40)
        voicing = [pitch]
        while len(voicing) < rng.integers(4, 7) and pitch < 74:
            pitch = min(_at_or_above(c, pitch + 3) for c in classes)
            voicing.append(pitch)
        order = voicing if rng.random() < 0.7 else voicing[::-1]
        gap = rng.uniform(0.004, 0.018)
        held = length * (0.4 if rng.random() < 0.2 else 1.4)
        notes += [_note(rng, start + i * gap, held, p) for i, p in enumerate(order)]
    return notes


def arpeggio(song: Plan, rng: Rng) -> list[Note]:
    """Chords one string after the other, left to ring."""
    pattern = rng.permutation(6)
    notes = []
    for i, (start, length) in enumerate(_grid(song, rng.choice([0.25, 0.5]), rng, 0.9)):
        classes = song.chord(start, 4)
        step = int(pattern[i % 6])
        pitch = _at_or_above(classes[step % 4], 43 + 5 * (step // 2))
        notes.append(_note(rng, start, length * rng.uniform(1.5, 4), pitch))
    return notes


def lead(song: Plan, rng: Rng, low: int = 60, high: int = 86, bends: bool = True) -> list[Note]:
    """Phrases of a walk over the scale, with bends, vibrato and rests."""
    steps = PENTATONIC if rng.random() < 0.6 else song.scale
    ladder = [p for p in range(low, high) if (p - song.root) % 12 in steps]
    place, notes, time = len(ladder) // 2, list[Note](), 0.0
    while time < song.seconds - 0.3:
        length = song.beat * float(rng.choice([0.25, 0.25, 0.5, 0.5, 1, 2]))
        if rng.random() < 0.12:
            time += song.beat * float(rng.choice([1, 2, 4]))
            continue
        place = int(np.clip(place + rng.integers(-3, 4), 0, len(ladder) - 1))
        bend = (float(rng.choice([-2, -1, -0.5])), 0.0) if bends and rng.random() < 0.25 else (0, 0)
        vibrato = rng.uniform(0.1, 0.5) if length > 0.3 and rng.random() < 0.6 else 0.0
        note = _note(rng, time, length * rng.uniform(0.8, 1.05), ladder[place])
        notes.append(replace(note, bend=bend, vibrato=float(vibrato)))
        if bends and rng.random() < 0.1:
            notes.append(replace(notes[-1], pitch=notes[-1].pitch + 5))
        time += length
    return notes


def tremolo(song: Plan, rng: Rng) -> list[Note]:
    """One string picked as fast as it goes, moving with the chord."""
    step = song.beat / (4 if song.beat > 0.4 else 3)
    octave = int(rng.choice([40, 52, 57]))
    count = int(song.seconds / step) - 1
    return [
        _note(rng, i * step, step, _at_or_above(song.chord(i * step)[i // 16 % 3], octave))
        for i in range(count)
    ]


GUITAR_PARTS = (riff, riff, riff, strum, strum, arpeggio, lead, lead, tremolo)


def bass(song: Plan, rng: Rng) -> list[Note]:
    """Roots, fifths and octaves."""
    return [
        _note(
            rng,
            s,
            n * rng.uniform(0.6, 1),
            _at_or_above(song.chord(s)[0], 28) + rng.choice([0, 0, 0, 7, 12]),
        )
        for s, n in _grid(song, rng.choice([0.5, 0.5, 1.0]), rng, rng.uniform(0.4, 1))
    ]


def keys(song: Plan, rng: Rng) -> list[Note]:
    """Chords held or repeated in the middle of the keyboard, or broken."""
    if rng.random() < 0.3:
        return [replace(n, pitch=n.pitch + 12) for n in arpeggio(song, rng)]
    notes = []
    low = int(rng.integers(48, 66))
    density = rng.choice([0.05, 0.3, 0.7])
    for start, length in _grid(song, 0.5, rng, density):
        for pitch_class in song.chord(start, int(rng.choice([3, 4]))):
            notes.append(_note(rng, start, length * 0.95, _at_or_above(pitch_class, low)))
    return notes


def drums(song: Plan, rng: Rng) -> list[Note]:
    """A bar's pattern, from ballad to blast beat, with fills every four bars."""
    per_beat = int(rng.choice([2, 2, 4]))
    kick = rng.random(4 * per_beat) < rng.choice([0.2, 0.3, 0.9])
    kick[0] = True
    cymbal = int(rng.choice([CLOSED, CLOSED, OPEN, RIDE, CRASH]))
    half = rng.random() < 0.3
    blast = rng.random() < 0.12
    step, notes = song.beat / per_beat, list[tuple[float, int]]()
    for i in range(int(song.seconds / step)):
        place, bar, time = i % (4 * per_beat), i // (4 * per_beat), i * step
        if bar % 4 == 3 and place >= 3 * per_beat:
            notes.append((time, int(rng.choice([SNARE, *TOMS]))))
            continue
        if place == 0 and bar % 4 == 0:
            notes.append((time, CRASH))
        if kick[place] or blast:
            notes.append((time, KICK))
        back = place == 2 * per_beat if half else place in (per_beat, 3 * per_beat)
        if back or (blast and place % 2) or rng.random() < 0.03:
            notes.append((time, SNARE))
        if place % max(1, per_beat // 2) == 0:
            notes.append((time, cymbal))
    return [_note(rng, t, 0.3, p) for t, p in notes]


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


def _note(rng: Rng, start: float, length: float, pitch: int, muted: bool = False) -> Note:
    velocity = int(np.clip(rng.normal(96, 14), 35, 127))
    return Note(
        start=float(start),
        length=float(max(length, 0.05)),
        pitch=int(pitch),
        velocity=velocity,
        muted=muted,
    )
