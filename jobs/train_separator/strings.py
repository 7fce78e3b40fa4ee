"""Plucked strings: an electric guitar without its amplifier.

K. Karplus and A. Strong, "Digital synthesis of plucked-string and drum timbres", Computer Music
Journal 7(2), 1983, with the combs of the positions of pick and pickup (D. Jaffe and J. Smith, same
issue).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.train_separator.midi import pitch_curve
from jobs.train_separator.notes import Note, Rng
from jobs.train_separator.sound import RATE
from morphsep.dsp import Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Strings:
    """One electric guitar, without an amplifier."""

    damping: float
    """0.02 (new strings) to 0.2."""
    sustain: float
    """Seconds in which a low note falls by 60 dB."""
    pick: float
    pickup: float
    """Positions of pick and pickup, as parts of the string's length."""
    brightness: float

    @staticmethod
    def drawn(rng: Rng) -> Strings:
        """A random guitar."""
        return Strings(
            damping=float(rng.uniform(0.01, 0.12)),
            sustain=float(rng.uniform(3, 14)),
            pick=float(rng.uniform(0.06, 0.3)),
            pickup=float(rng.uniform(0.05, 0.28)),
            brightness=float(rng.uniform(0.2, 0.95)),
        )


def plucked(notes: list[Note], seconds: float, strings: Strings, rng: Rng) -> Signal:
    """``[1, T]``: every note on its own string."""
    total = np.zeros(round(seconds * RATE) + RATE, np.float32)
    for note in notes:
        sound = _pluck(note, strings, rng)
        first = round(note.start * RATE)
        span = total[first : first + len(sound)]
        span += sound[: len(span)]
    return total[None, : round(seconds * RATE)]


def _pluck(note: Note, strings: Strings, rng: Rng) -> Signal:
    """One note ``[T]``."""
    hertz = 440 * 2 ** ((note.pitch - 69) / 12) * 2 ** (rng.normal(0, 3) / 1200)
    period = RATE / hertz
    length = round((note.length + 0.08) * RATE)
    total = _string(_burst(note, strings, int(period) - 1, rng), note, strings, period, length)
    for part in (strings.pick, strings.pickup):
        shift = max(1, round(part * period))
        total[shift:] = total[shift:] - 0.9 * total[:-shift]
    sound = total[:length]
    if note.vibrato or note.bend != (0.0, 0.0):
        ratio = 2 ** (pitch_curve(note, np.arange(length) / RATE) / 12)
        sound = np.interp(np.cumsum(ratio), np.arange(length), sound).astype(np.float32)
    fade = min(length, round(0.04 * RATE))
    sound[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return sound * np.float32(note.velocity / 127)


def _burst(note: Note, strings: Strings, delay: int, rng: Rng) -> Signal:
    """The noise that starts a string, ``[delay + 3]``: harder strokes are brighter."""
    burst = rng.uniform(-1, 1, delay + 3).astype(np.float32)
    colour = strings.brightness * (0.5 if note.muted else 1.0) * (0.5 + note.velocity / 254)
    for i in range(1, len(burst)):
        burst[i] = colour * burst[i] + (1 - colour) * burst[i - 1]
    return burst


def _string(burst: Signal, note: Note, strings: Strings, period: float, length: int) -> Signal:
    """The burst going round a damped loop of `period` samples; `length` samples or a few more."""
    delay = int(period) - 1
    fraction = period - 1 - delay
    damping = min(0.24, strings.damping * (3 if note.muted else 1))
    fall = 10 ** (-3 * period / (RATE * (0.35 if note.muted else strings.sustain)))
    total = np.zeros(length + 2 * delay + 8, np.float32)
    total[: len(burst)] = burst - burst.mean()
    first = len(burst)
    while first < len(total):
        size = min(delay - 1, len(total) - first)
        base = first - delay
        late = [total[base - k : base - k + size] for k in (-1, 0, 1, 2) if base - k >= 0]
        if len(late) < 4:
            late = [total[max(0, base - k) : max(0, base - k) + size] for k in (-1, 0, 1, 2)]
        straight = (1 - fraction) * late[1] + fraction * late[2]
        beside = (1 - fraction) * (late[0] + late[2]) + fraction * (late[1] + late[3])
        total[first : first + size] = fall * ((1 - 2 * damping) * straight + damping * beside)
        first += size
    return total
