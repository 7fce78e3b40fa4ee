"""The parts of a song: what guitars, bass, drums, keys and a lead play, as notes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from jobs.train_separator.notes import Note, Plan, Rng, at_or_above, grid, note_at

PENTATONIC = (0, 3, 5, 7, 10)
KICK, SNARE, CLOSED, OPEN, CRASH, RIDE = 36, 38, 42, 46, 49, 51
TOMS = (50, 48, 47, 45, 43, 41)


def riff(song: Plan, rng: Rng) -> list[Note]:
    """Power chords and palm-muted single notes low on the neck."""
    low = int(rng.choice([33, 35, 36, 38, 40, 40]))
    notes = []
    pedal = rng.random() < 0.5
    long = rng.random() < 0.2
    for start, length in grid(song, rng.choice([0.25, 0.5, 0.5, 1.0]), rng, rng.uniform(0.4, 1.0)):
        if rng.random() < 0.04:
            continue
        root = at_or_above(song.chord(start)[0], low)
        muted = pedal and rng.random() < 0.6
        if muted:
            pitches = [at_or_above(song.root, low)] + ([root + 7] if rng.random() < 0.3 else [])
        else:
            pitches = [root, root + 7, root + 12][: rng.choice([1, 2, 3])]
        held = min(length, 0.12) if muted else length * rng.uniform(0.7, 1.0) * (2 if long else 1)
        notes += [note_at(rng, start, held, p, muted=muted) for p in pitches]
    return notes


def strum(song: Plan, rng: Rng) -> list[Note]:
    """Full chords over four to six strings, strummed down and up."""
    notes = []
    size = int(rng.choice([3, 3, 4]))
    for start, length in grid(song, 0.5, rng, rng.uniform(0.3, 0.9)):
        classes = song.chord(start, size)
        pitch = at_or_above(classes[0], 40)
        voicing = [pitch]
        while len(voicing) < rng.integers(4, 7) and pitch < 74:
            pitch = min(at_or_above(c, pitch + 3) for c in classes)
            voicing.append(pitch)
        order = voicing if rng.random() < 0.7 else voicing[::-1]
        gap = rng.uniform(0.004, 0.018)
        held = length * (0.4 if rng.random() < 0.2 else 1.4)
        notes += [note_at(rng, start + i * gap, held, p) for i, p in enumerate(order)]
    return notes


def arpeggio(song: Plan, rng: Rng) -> list[Note]:
    """Chords one string after the other, left to ring."""
    pattern = rng.permutation(6)
    notes = []
    for i, (start, length) in enumerate(grid(song, rng.choice([0.25, 0.5]), rng, 0.9)):
        classes = song.chord(start, 4)
        step = int(pattern[i % 6])
        pitch = at_or_above(classes[step % 4], 43 + 5 * (step // 2))
        notes.append(note_at(rng, start, length * rng.uniform(1.5, 4), pitch))
    return notes


def lead(song: Plan, rng: Rng, low: int = 60, high: int = 86, bends: bool = True) -> list[Note]:
    """Phrases of a walk over the scale, with bends, vibrato and rests."""
    steps = PENTATONIC if rng.random() < 0.6 else song.scale
    ladder = [p for p in range(low, high) if (p - song.root) % 12 in steps]
    position, notes, time = len(ladder) // 2, list[Note](), 0.0
    while time < song.seconds - 0.3:
        length = song.beat * float(rng.choice([0.25, 0.25, 0.5, 0.5, 1, 2]))
        if rng.random() < 0.12:
            time += song.beat * float(rng.choice([1, 2, 4]))
            continue
        position = int(np.clip(position + rng.integers(-3, 4), 0, len(ladder) - 1))
        bend = (float(rng.choice([-2, -1, -0.5])), 0.0) if bends and rng.random() < 0.25 else (0, 0)
        vibrato = rng.uniform(0.1, 0.5) if length > 0.3 and rng.random() < 0.6 else 0.0
        note = note_at(rng, time, length * rng.uniform(0.8, 1.05), ladder[position])
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
        note_at(rng, i * step, step, at_or_above(song.chord(i * step)[i // 16 % 3], octave))
        for i in range(count)
    ]


GUITAR_PARTS = (riff, riff, riff, strum, strum, arpeggio, lead, lead, tremolo)


def bass(song: Plan, rng: Rng) -> list[Note]:
    """Roots, fifths and octaves."""
    return [
        note_at(
            rng,
            s,
            n * rng.uniform(0.6, 1),
            at_or_above(song.chord(s)[0], 28) + rng.choice([0, 0, 0, 7, 12]),
        )
        for s, n in grid(song, rng.choice([0.5, 0.5, 1.0]), rng, rng.uniform(0.4, 1))
    ]


def keys(song: Plan, rng: Rng) -> list[Note]:
    """Chords held or repeated in the middle of the keyboard, or broken."""
    if rng.random() < 0.3:
        return [replace(n, pitch=n.pitch + 12) for n in arpeggio(song, rng)]
    notes = []
    low = int(rng.integers(48, 66))
    density = rng.choice([0.05, 0.3, 0.7])
    for start, length in grid(song, 0.5, rng, density):
        for pitch_class in song.chord(start, int(rng.choice([3, 4]))):
            notes.append(note_at(rng, start, length * 0.95, at_or_above(pitch_class, low)))
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
        position, bar, time = i % (4 * per_beat), i // (4 * per_beat), i * step
        if bar % 4 == 3 and position >= 3 * per_beat:
            notes.append((time, int(rng.choice([SNARE, *TOMS]))))
            continue
        if position == 0 and bar % 4 == 0:
            notes.append((time, CRASH))
        if kick[position] or blast:
            notes.append((time, KICK))
        back = position == 2 * per_beat if half else position in (per_beat, 3 * per_beat)
        if back or (blast and position % 2) or rng.random() < 0.03:
            notes.append((time, SNARE))
        if position % max(1, per_beat // 2) == 0:
            notes.append((time, cymbal))
    return [note_at(rng, t, 0.3, p) for t, p in notes]
