"""Notes as a MIDI file, with bends and vibrato."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

from jobs.train_separator.notes import Note

Curve = npt.NDArray[np.float64]

TICKS = 960
"""Per second."""
BEND_RANGE = 2
"""Semitones."""


def midi(notes: list[Note], seconds: float, program: int, channel: int) -> bytes:
    """A format 0 file at 120 beats per minute."""
    events: list[tuple[int, int, bytes]] = [(0, 0, bytes([0xC0 | channel, program]))]
    for note in notes:
        on, off = round(note.start * TICKS), round((note.start + note.length) * TICKS)
        events.append((on, 2, bytes([0x90 | channel, note.pitch, note.velocity])))
        events.append((max(off, on + 1), 1, bytes([0x80 | channel, note.pitch, 0])))
        if note.bend != (0.0, 0.0) or note.vibrato:
            events += _bends(note, on, off, channel)
    # FluidSynth would play on for events after the end of the track.
    last = round(seconds * TICKS)
    events = [(min(tick, last), order, data) for tick, order, data in events]
    events.append((last, 3, b"\xff\x2f\x00"))
    track, now = b"", 0
    for tick, _, data in sorted(events, key=lambda event: event[:2]):
        track += _variable(max(0, tick - now)) + data
        now = max(now, tick)
    return (
        b"MThd"
        + struct.pack(">IHHH", 6, 0, 1, TICKS // 2)
        + b"MTrk"
        + struct.pack(">I", len(track))
        + track
    )


def _bends(note: Note, on: int, off: int, channel: int) -> list[tuple[int, int, bytes]]:
    ticks = np.arange(on, max(off, on + 10), 10)
    value = np.clip(8192 + 8191 * pitch_curve(note, (ticks - on) / TICKS) / BEND_RANGE, 0, 16383)
    bent = [
        (int(t), 1, bytes([0xE0 | channel, int(v) & 127, int(v) >> 7]))
        for t, v in zip(ticks, value, strict=True)
    ]
    return [*bent, (off, 1, bytes([0xE0 | channel, 0, 64]))]


def pitch_curve(note: Note, time: Curve) -> Curve:
    """Offset from the note's pitch in semitones; `time` in seconds from its start."""
    first, last = note.bend
    rise = np.clip(time / 0.18, 0, 1)
    sway = note.vibrato * np.sin(2 * np.pi * 5.5 * time) * np.clip((time - 0.2) / 0.2, 0, 1)
    return np.asarray(first + (last - first) * rise + sway)


def _variable(value: int) -> bytes:
    data = [value & 127]
    while value := value >> 7:
        data.insert(0, 128 | (value & 127))
    return bytes(data)
