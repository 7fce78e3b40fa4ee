"""The training songs: six stems each, one key and tempo, as one compact array of int16.

Which package a sound comes from is decided by licence (docs/explanation/built-in-separators.md):
what the weights learn from is MIT or CC0 or synthesised here; everything else is for validation
and tests only.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.train_separator import amps, parts, sound
from jobs.train_separator.parts import Note, Plan, Rng
from morphsep.dsp import Signal

STEMS = ("guitar", "guitar 2", "drums", "bass", "keys", "lead")
GUITARS = 2
"""How many of them are guitars; the others come after."""
SECONDS = 30
TRAIN_RATE = 22_050
RATES = {"train": TRAIN_RATE, "validation": TRAIN_RATE, "test": sound.RATE}
LEVEL = 0.08
"""RMS of every stem where it sounds."""

FONTS = Path("usr/share/sounds")
SETS = {
    "train": (FONTS / "sf2/FluidR3_GM.sf2", FONTS / "sf3/MuseScore_General_Full.sf3"),
    "validation": (FONTS / "sf2/TimGM6mb.sf2",),
    "test": (FONTS / "sf2/sf_GMbank.sf2",),
}
KITS = {
    "train": SETS["train"],
    "validation": (FONTS / "sf2/TimGM6mb.sf2", FONTS / "sf2/Red_Zeppelin_4_LV2.sf2"),
    "test": (FONTS / "sf2/sf_GMbank.sf2", FONTS / "sf2/Black_Pearl_4_LV2.sf2"),
}
LOOPS = Path("usr/share/sonic-pi/samples")
GUITAR_SAMPLES = ("guit_em9", "guit_harmonics", "guit_e_slide", "guit_e_fifths")
HELD_OUT_LOOPS = ("loop_breakbeat", "loop_compus", "loop_tabla")
"""Of validation and tests."""
UNUSED_LOOPS = ("loop_amen_full", "loop_garzul")
"""The first is the longer take of one that is used; the other may hold a guitar."""
KIT_PROGRAMS = (0, 0, 8, 16, 24, 25, 32, 40)
BASSES = tuple(range(32, 40))
KEYS = (
    0,
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    11,
    16,
    16,
    17,
    18,
    19,
    48,
    48,
    49,
    50,
    51,
    52,
    61,
    62,
    88,
    89,
    90,
    91,
    92,
    95,
)
LEADS = (
    40,
    41,
    42,
    52,
    53,
    54,
    56,
    57,
    60,
    64,
    65,
    66,
    67,
    68,
    71,
    73,
    75,
    78,
    80,
    81,
    81,
    82,
    85,
    11,
    12,
    21,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    """Where the unpacked packages are, and which of them may be heard."""

    unpacked: Path
    split: str

    def font(self, rng: Rng) -> Path:
        return self.unpacked / self._drawn(SETS[self.split], rng)

    def kit(self, rng: Rng) -> Path:
        return self.unpacked / self._drawn(KITS[self.split], rng)

    def _drawn(self, fonts: tuple[Path, ...], rng: Rng) -> Path:
        # MuseScore's font is compressed: FluidSynth takes ten times as long to open it.
        one = len(fonts) == 1 or rng.random() < (0.75 if self.split == "train" else 0.4)
        return fonts[0 if one else 1]

    def loops(self) -> list[Path]:
        held_out = self.split != "train"
        found = sorted((self.unpacked / LOOPS).glob("loop_*.flac"))
        names = set(HELD_OUT_LOOPS) if held_out else {p.stem for p in found} - set(HELD_OUT_LOOPS)
        return [p for p in found if p.stem in names - set(UNUSED_LOOPS)]


def song(number: int, studio: Studio) -> npt.NDArray[np.int16]:
    """``[S, 2, T]`` of song `number`: the same whenever it is made."""
    rng = np.random.default_rng([{"train": 1, "validation": 2, "test": 3}[studio.split], number])
    plan = parts.plan(rng, SECONDS)
    makers = (guitar, guitar, drums, bass, keys, lead)
    stems = [_compact(make(plan, studio, rng), RATES[studio.split]) for make in makers]
    return np.stack(stems)


def guitar(plan: Plan, studio: Studio, rng: Rng) -> Signal:
    """One guitar part, mono, panned, doubled left and right, or wide by its effects."""
    if studio.split == "train" and rng.random() < 0.05:
        return _sampled_guitar(studio, rng)
    part = parts.GUITAR_PARTS[rng.integers(len(parts.GUITAR_PARTS))]
    notes = parts.with_rests(part(plan, rng), plan, rng)
    acoustic = part in (parts.strum, parts.arpeggio) and rng.random() < 0.4
    kind = (
        amps.ACOUSTIC if acoustic else _kind(part in (parts.riff, parts.lead, parts.tremolo), rng)
    )
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
    place = 0.0 if rng.random() < 0.5 else rng.uniform(-0.9, 0.9)
    return amps.panned(amps.Rig(kind, rng).played(take(rng), rng), place)


def _kind(heavy: bool, rng: Rng) -> str:
    odds = (0.15, 0.2, 0.65) if heavy else (0.6, 0.25, 0.15)
    return (amps.CLEAN, amps.CRUNCH, amps.LEAD)[rng.choice(3, p=odds)]


def _player(kind: str, notes: list[Note], studio: Studio, rng: Rng) -> Callable[[Rng], Signal]:
    """A function of a generator that plays one take, ``[C, T]``."""
    seconds = float(SECONDS)
    if rng.random() < (0.3 if kind == amps.ACOUSTIC else 0.6) or (
        kind == amps.LEAD and rng.random() < 0.4
    ):
        strings = sound.Strings.drawn(rng)
        return lambda r: sound.plucked(parts.humanised(notes, r), seconds, strings, r)
    font = studio.font(rng)
    programs = {amps.ACOUSTIC: (24, 25, 25), amps.LEAD: (27, 26, 29, 30, 30)}.get(
        kind, (26, 27, 27, 25, 31)
    )
    program = int(programs[rng.integers(len(programs))])

    def take(r: Rng) -> Signal:
        played = parts.humanised(notes, r)
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
    notes = parts.with_rests(parts.drums(plan, rng), plan, rng)
    program = int(KIT_PROGRAMS[rng.integers(len(KIT_PROGRAMS))])
    kit = sound.synthesised(notes, SECONDS, studio.kit(rng), program, kit=True)
    return amps.room(kit + 0.5 * _looped(studio, rng) if rng.random() < 0.1 else kit, rng)


def _looped(studio: Studio, rng: Rng) -> Signal:
    loops = studio.loops()
    loop = _speeded(read(loops[rng.integers(len(loops))]), rng.uniform(0.8, 1.25))
    return np.tile(loop, -(-SECONDS * sound.RATE // loop.shape[1]))[:, : SECONDS * sound.RATE]


def bass(plan: Plan, studio: Studio, rng: Rng) -> Signal:
    """Finger, pick, slap, fretless or synthesiser; a third of them driven."""
    notes = parts.with_rests(parts.bass(plan, rng), plan, rng)
    dry = sound.synthesised(notes, SECONDS, studio.font(rng), int(rng.choice(BASSES)))
    return amps.room(amps.growled(dry, rng) if rng.random() < 0.35 else dry, rng)


def keys(plan: Plan, studio: Studio, rng: Rng) -> Signal:
    """Piano, organ, strings, choir, brass, pads."""
    notes = parts.with_rests(parts.keys(plan, rng), plan, rng)
    return amps.room(
        sound.synthesised(notes, SECONDS, studio.font(rng), int(rng.choice(KEYS))), rng
    )


def lead(plan: Plan, studio: Studio, rng: Rng) -> Signal:
    """A voice, or a wind, string or synthesiser that plays a melody."""
    voice = rng.random() < 0.55
    low = int(rng.choice([45, 52, 57]))
    melody = parts.lead(plan, rng, low, low + (14 if voice else 26), bends=False)
    notes = parts.with_rests(melody, plan, rng)
    if voice:
        return amps.room(sound.sung(notes, SECONDS, rng), rng)
    return amps.room(
        sound.synthesised(notes, SECONDS, studio.font(rng), int(rng.choice(LEADS))), rng
    )


def read(path: Path) -> Signal:
    """``[2, T]`` at 44.1 kHz."""
    import soundfile
    import soxr

    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    if rate != sound.RATE:
        samples = soxr.resample(samples, rate, sound.RATE)
    return np.ascontiguousarray(np.broadcast_to(samples.T, (2, len(samples))))


def _speeded(samples: Signal, speed: float) -> Signal:
    import soxr

    return np.asarray(soxr.resample(samples.T, sound.RATE * speed, sound.RATE).T)


def _compact(samples: Signal, rate: int) -> npt.NDArray[np.int16]:
    """At `rate`, at the common level, limited to full scale by its own gain."""
    import soxr

    low = soxr.resample(sound.fitted(samples, SECONDS * sound.RATE).T, sound.RATE, rate).T
    loud = np.sqrt((low**2).mean(axis=0).reshape(-1, rate).mean(axis=1))
    heard = loud[loud > 0.1 * loud.max()] if loud.max() > 1e-6 else np.ones(1)
    scaled = low * (LEVEL / np.sqrt(np.mean(heard**2)))
    peak = float(np.abs(scaled).max())
    return np.asarray(np.round(scaled * (32767 / max(peak, 1.0))), np.int16)


def _make(number: int, studio: Studio, folder: Path) -> int:
    """Writes one song, unless it is there."""
    path = folder / f"{number:04d}.npy"
    if not path.exists():
        partial_path = path.with_suffix(".part")
        with partial_path.open("wb") as file:
            np.save(file, song(number, studio))
        os.replace(partial_path, path)
    return number


def prepare(unpacked: Path, folder: Path, split: str, count: int, workers: int) -> None:
    """Songs 0 to `count` of a split, as ``folder/split/NUMBER.npy``; resumes where it stopped."""
    target = folder / split
    target.mkdir(parents=True, exist_ok=True)
    make = partial(_make, studio=Studio(unpacked=unpacked, split=split), folder=target)
    with ProcessPoolExecutor(workers) as pool:
        for number in pool.map(make, range(count)):
            print(f"{split} {number + 1}/{count}", flush=True)
