"""Listening tests in the small: sounds to ask about, and listeners who are no people.

The listeners are made by a seed, with a bias and an error that are known. They check the scoring
and appear in no report.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from morphsep.evaluation.listening import (
    QUESTIONS,
    SCALES,
    Answer,
    ListeningTest,
    Question,
    Stimulus,
    Trial,
)
from morphsep.evaluation.listening.trials import ask
from morphsep.evaluation.sounds import Sound, write_sounds
from morphsep.storage import digest, location

RATE = 44_100
SECONDS = 0.6


def guitar(note: float, tone: float, *, channels: int = 1) -> np.ndarray:
    """A plucked string, ``[T, C]``; `tone` of 0 to 1 drives it."""
    time = np.arange(round(SECONDS * RATE)) / RATE
    partials = sum(np.sin(2 * np.pi * note * k * time) / k for k in range(1, 12))
    plucked = 0.3 * partials * np.exp(-3 * time)
    driven = np.tanh((1 + 20 * tone) * plucked) / np.tanh(1 + 20 * tone)
    return np.repeat(driven[:, None], channels, axis=1)


def rendered(
    folder: Path,
    *,
    sources: int = 2,
    transitions: Iterable[str] = ("clean-to-high-gain",),
    backends: Iterable[str] = ("spectral", "crossfade"),
    amounts: Iterable[float] = (0.5,),
    has_truth: bool = True,
    channels: int = 1,
) -> list[Sound]:
    """What evaluation work leaves: the table, and the files that it names."""
    rows = []
    for transition in transitions:
        for source in range(sources):
            base = Sound(
                item=f"{transition}/{source}",
                transition=transition,
                source=f"take {source}",
                role="a",
                amount=0.0,
                path="",
            )
            rows += _item(base, backends, amounts, has_truth)
    for row in rows:
        path = folder / row.path
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, _sound(row, channels), RATE, "PCM_24")
    write_sounds(location(folder), rows)
    return rows


def _item(
    base: Sound, backends: Iterable[str], amounts: Iterable[float], has_truth: bool
) -> list[Sound]:
    rows = [base, replace(base, role="b", amount=1.0)]
    for amount in amounts:
        if has_truth:
            rows.append(replace(base, role="truth", amount=amount))
        rows += [replace(base, role="morph", backend=name, amount=amount) for name in backends]
    return [
        replace(row, path=f"{row.item}/{row.backend or row.role}-{row.amount:g}.flac")
        for row in rows
    ]


def _sound(row: Sound, channels: int) -> np.ndarray:
    """The truth turns the knob, and so does the backend `chain`; others are off by their name."""
    note = 110.0 * (1 + int(row.source.rpartition(" ")[2]) / 3)
    if row.backend == "crossfade":
        ends = guitar(note, 0, channels=channels), guitar(note, 1, channels=channels)
        return (1 - row.amount) * ends[0] + row.amount * ends[1]
    off = len(row.backend) / 40 if row.backend not in ("", "chain") else 0.0
    return guitar(note, row.amount + off, channels=channels)


def designed(
    backends: Iterable[str] = ("crossfade", "spectral"), *, items: int = 6, transitions: int = 1
) -> ListeningTest:
    """A test without sounds, for listeners who are not real."""
    trials, stimuli = [], {}
    for item in range(items):
        own = _heard(f"item {item}", f"transition {item % transitions}", backends)
        for asking in ask(own, QUESTIONS):
            names = {s: digest(s)[:16] for s in asking.stimuli}
            stimuli |= {name: stimulus for stimulus, name in names.items()}
            trials.append(
                Trial(
                    name=f"t{len(trials):04}",
                    question=asking.question,
                    open={label: names[s] for label, s in asking.open.items()},
                    rated=tuple(names[s] for s in asking.rated),
                )
            )
    return ListeningTest(seed=0, seconds=5.0, lufs=-23.0, trials=tuple(trials), stimuli=stimuli)


def _heard(item: str, transition: str, backends: Iterable[str]) -> list[Stimulus]:
    middle = Stimulus(item=item, transition=transition, role="truth", amount=0.5)
    return [
        replace(middle, role="a", amount=0.0),
        replace(middle, role="b", amount=1.0),
        middle,
        *(replace(middle, role="morph", backend=name) for name in backends),
        replace(middle, role="anchor 3.5 kHz"),
        replace(middle, role="anchor 7 kHz"),
        replace(middle, role="two guitars", amount=0.0),
    ]


@dataclass(frozen=True, kw_only=True)
class World:
    """What is true of each condition, by question; 1 guitar or 2 as the chance of 2."""

    quality: Mapping[str, float]
    mos: Mapping[str, float]
    position: Mapping[str, float]
    two: Mapping[str, float]


WORLD = World(
    quality={"crossfade": 40.0, "spectral": 62.0, "anchor 3.5 kHz": 25.0, "anchor 7 kHz": 55.0},
    mos={"crossfade": 2.5, "spectral": 3.1, "truth": 3.6},
    position={"crossfade": 0.42, "spectral": 0.58, "truth": 0.5},
    two={"crossfade": 0.6, "spectral": 0.3, "truth": 0.1},
)


def listeners(
    test: ListeningTest, count: int, seed: int, *, bias: float = 1.0, world: World = WORLD
) -> list[Answer]:
    """Answers of `count` careful listeners. Each has a bias, and each item has one, in every
    question, with standard deviations known here; all of them are 0 on average."""
    rng = np.random.default_rng(seed)
    items = {s.item: bias * rng.normal() for s in test.stimuli.values()}
    answers = []
    for number in range(count):
        own = bias * rng.normal()
        for trial, name in asked(test):
            stimulus = test.stimuli[name]
            lean = own + items[stimulus.item]
            value = _careful(trial.question, stimulus, lean, world, rng)
            answers.append(answer(test, f"listener {number}", trial, name, value))
    return answers


def _careful(
    question: Question, stimulus: Stimulus, lean: float, world: World, rng: np.random.Generator
) -> float:
    name = stimulus.condition
    match question:
        case "quality":
            if stimulus.role == "truth":
                return 100.0 - float(rng.uniform(0, 8))
            return float(np.clip(world.quality[name] + 5 * lean + 6 * rng.normal(), 0, 100))
        case "mos":
            exact = world.mos[name] + 0.3 * lean + 0.5 * rng.normal()
            return float(np.clip(np.floor(exact + rng.uniform()), 1, 5))
        case "position":
            if stimulus.role in ("a", "b"):
                return float(np.clip(100 * stimulus.amount + 5 * rng.normal(), 0, 100))
            return float(np.clip(100 * (world.position[name] + 0.05 * lean), 0, 100))
        case "fusion":
            if stimulus.role in ("a", "two guitars"):
                return 2.0 if stimulus.role == "two guitars" else 1.0
            return 1.0 + float(rng.uniform() < np.clip(world.two[name] + 0.05 * lean, 0, 1))


def clicker(test: ListeningTest, name: str, seed: int) -> list[Answer]:
    """Somebody who clicks anywhere."""
    rng = np.random.default_rng(seed)
    answers = []
    for trial, stimulus in asked(test):
        scale = SCALES[trial.question]
        value = rng.uniform(scale.low, scale.high)
        if scale.whole_numbers:
            value = rng.integers(scale.low, scale.high, endpoint=True)
        answers.append(answer(test, name, trial, stimulus, float(value)))
    return answers


def asked(test: ListeningTest) -> Iterator[tuple[Trial, str]]:
    """Every stimulus that is asked about, in every trial."""
    return ((trial, name) for trial in test.trials for name in trial.rated)


def answer(test: ListeningTest, who: str, trial: Trial, stimulus: str, value: float) -> Answer:
    return Answer(
        test=test.id,
        listener=who,
        trial=trial.name,
        stimulus=stimulus,
        value=value,
        at="2026-11-28T12:00:00Z",
    )


def write_answers(folder: Path, answers: Iterable[Answer]) -> list[Path]:
    """A file a listener, as the page will write them."""
    folder.mkdir(parents=True, exist_ok=True)
    lines: dict[Path, list[str]] = {}
    for each in answers:
        lines.setdefault(folder / f"{each.listener}.jsonl", []).append(each.line())
    for path, own in lines.items():
        path.write_text("".join(own), encoding="utf-8")
    return sorted(lines)
