"""The stems of a song: notes, sounds and amplifiers put together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from jobs.train_separator import amps, parts, sound
from jobs.train_separator.notes import Note, Plan, Rng, humanised, with_rests
from jobs.train_separator.strings import Strings, plucked
from jobs.train_separator.studio import GUITAR_SAMPLES, LOOPS, SECONDS, Studio, read
from jobs.train_separator.voice import sung
from morphsep.dsp import Signal

KIT_PROGRAMS = (0, 0, 8, 16, 24, 25, 32, 40)
BASSES = tuple(range(32, 40))
KEYS = (
    0, 0, 1, 2, 3, 4, 5, 6, 7, 11, 16, 16, 17, 18, 19, 48, 48, 49, 50, 51, 52, 61, 62, 88, 89,
    90, 91, 92, 95,
)  # fmt: skip
LEADS = (
    40, 41, 42, 52, 53, 54, 56, 57, 60, 64, 65, 66, 67, 68, 71, 73, 75, 78, 80, 81, 81, 82, 85,
    11, 12, 21,
)  # fmt: skip


def guitar(plan: Plan, studio: Studio, rng: Rng) -> Signal:
    """One guitar part, mono, panned, doubled left and right, or wide by its effects."""
    if studio.split == "train" and rng.random() < 0.05:
        return _sampled_guitar(studio, rng)
    part = parts.GUITAR_PARTS[rng.integers(len(parts.GUITAR_PARTS))]
    notes = with_rests(part(plan, rng), plan, rng)
    acoustic = part in (parts.strum, parts.arpeggio) and rng.random() < 0.4
    heavy = part in (parts.riff, parts.lead, parts.tremolo)
    kind = amps.ACOUSTIC if acoustic else _kind(heavy, rng)
    take = _player(kind, notes, studio, rng)
    if rng.random() < 0.35:
        rigs = (
            [amps.Rig(kind, rng)] * 2
            if rng.random() < 0.6
            else [amps.Rig(kind, rng), amps.Rig(kind, rng)]
        )
        width = rng.uniform(0.6, 1.0)
        left, right = (rig.played(take(rng), rng) for rig in rigs)
        return amps.panned(left, -width) + amps.panned(right, width)
    pan = 0.0 if rng.random() < 0.5 else rng.uniform(-0.9, 0.9)
    return amps.panned(amps.Rig(kind, rng).played(take(rng), rng), pan)


def _kind(heavy: bool, rng: Rng) -> str:
    """A random kind of amplifier, mostly distorted for heavy parts."""
    odds = (0.15, 0.2, 0.65) if heavy else (0.6, 0.25, 0.15)
    return (amps.CLEAN, amps.CRUNCH, amps.LEAD)[rng.choice(3, p=odds)]


def _player(kind: str, notes: list[Note], studio: Studio, rng: Rng) -> Callable[[Rng], Signal]:
    """A function that plays one take ``[C, T]`` with the variations of a generator."""
    seconds = float(SECONDS)
    if rng.random() < (0.3 if kind == amps.ACOUSTIC else 0.6) or (
        kind == amps.LEAD and rng.random() < 0.4
    ):
        strings = Strings.drawn(rng)
        return lambda r: plucked(humanised(notes, r), seconds, strings, r)
    font = studio.font(rng)
    programs = {amps.ACOUSTIC: (24, 25, 25), amps.LEAD: (27, 26, 29, 30, 30)}.get(
        kind, (26, 27, 27, 25, 31)
    )
    program = int(programs[rng.integers(len(programs))])

    def take(r: Rng) -> Signal:
        played = humanised(notes, r)
        muted, open_ = [n for n in played if n.muted], [n for n in played if not n.muted]
        total = sound.synthesised(open_, seconds, font, program)
        return total + sound.synthesised(muted, seconds, font, 28) if muted else total

    return take


def _sampled_guitar(studio: Studio, rng: Rng) -> Signal:
    name = GUITAR_SAMPLES[rng.integers(len(GUITAR_SAMPLES))]
    sample = _speeded(read(studio.unpacked / LOOPS / f"{name}.flac"), rng.uniform(0.6, 1.6))
    total = np.zeros((2, SECONDS * sound.RATE), np.float32)
    start = 0
    while start < total.shape[1]:
        span = total[:, start : start + sample.shape[1]]
        span += sample[:, : span.shape[1]]
        start += round(sample.shape[1] * rng.uniform(0.3, 1.2))
    return amps.Rig(_kind(False, rng), rng).played(total, rng)


def drums(plan: Plan, studio: Studio, rng: Rng) -> Signal:
    """A kit, or a recorded loop, or both."""
    if rng.random() < 0.15:
        return amps.room(_looped(studio, rng), rng)
    notes = with_rests(parts.drums(plan, rng), plan, rng)
    program = int(KIT_PROGRAMS[rng.integers(len(KIT_PROGRAMS))])
    kit = sound.synthesised(notes, SECONDS, studio.kit(rng), program, kit=True)
    return amps.room(kit + 0.5 * _looped(studio, rng) if rng.random() < 0.1 else kit, rng)


def _looped(studio: Studio, rng: Rng) -> Signal:
    loops = studio.loops()
    loop = _speeded(read(loops[rng.integers(len(loops))]), rng.uniform(0.8, 1.25))
    return np.tile(loop, -(-SECONDS * sound.RATE // loop.shape[1]))[:, : SECONDS * sound.RATE]


def bass(plan: Plan, studio: Studio, rng: Rng) -> Signal:
    """Finger, pick, slap, fretless or synthesiser; a third of them driven."""
    notes = with_rests(parts.bass(plan, rng), plan, rng)
    dry = sound.synthesised(notes, SECONDS, studio.font(rng), int(rng.choice(BASSES)))
    return amps.room(amps.growled(dry, rng) if rng.random() < 0.35 else dry, rng)


def keys(plan: Plan, studio: Studio, rng: Rng) -> Signal:
    """Piano, organ, strings, choir, brass, pads."""
    notes = with_rests(parts.keys(plan, rng), plan, rng)
    return amps.room(
        sound.synthesised(notes, SECONDS, studio.font(rng), int(rng.choice(KEYS))), rng
    )


def lead(plan: Plan, studio: Studio, rng: Rng) -> Signal:
    """A voice, or a wind, string or synthesiser that plays a melody."""
    has_voice = rng.random() < 0.55
    low = int(rng.choice([45, 52, 57]))
    melody = parts.lead(plan, rng, low, low + (14 if has_voice else 26), bends=False)
    notes = with_rests(melody, plan, rng)
    if has_voice:
        return amps.room(sung(notes, SECONDS, rng), rng)
    return amps.room(
        sound.synthesised(notes, SECONDS, studio.font(rng), int(rng.choice(LEADS))), rng
    )


def _speeded(samples: Signal, speed: float) -> Signal:
    import soxr

    return np.asarray(soxr.resample(samples.T, sound.RATE * speed, sound.RATE).T)
