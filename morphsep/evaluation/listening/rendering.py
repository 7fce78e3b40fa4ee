"""The sounds of a test: cut to one length and brought to one loudness, none of them twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from morphsep.audio import AudioReader
from morphsep.dsp import (
    MODEL_RATE,
    SILENT,
    LoudnessMeter,
    ModelRateReader,
    Signal,
    TruePeakMeter,
)
from morphsep.errors import SettingError, TrackError
from morphsep.evaluation.listening.anchors import low_passed
from morphsep.evaluation.listening.choosing import MOST_SECONDS, Item, Plan
from morphsep.evaluation.listening.design import Role, Stimulus
from morphsep.evaluation.metrics import match_loudness
from morphsep.evaluation.sounds import Sound
from morphsep.storage import Location

FADE = MODEL_RATE // 100
"""Samples over which a sound begins and ends: 10 ms, so that a cut does not click."""
ANCHORS: dict[Role, float] = {"anchor 3.5 kHz": 3500.0, "anchor 7 kHz": 7000.0}
"""The cut-off of each, in Hz (BS.1534-3)."""


@dataclass(slots=True, kw_only=True)
class Renderer:
    """Makes what is heard of an item; ``left_out`` counts what is not heard, and why."""

    folder: Location
    plan: Plan
    num_samples: int
    left_out: Counter[str] = field(default_factory=Counter)

    def render(self, item: Item, other: Item | None) -> dict[Stimulus, Signal]:
        """All that is played of an item, ``[C, T]`` at 44.1 kHz, at -23 LUFS. Empty if an end is
        silent. `other` is an item by another source, to mix two guitars.

        Raises:
            SettingError: a file that cannot be read, or is not as long as the first end.
        """
        sounds = {sound: _load(self.folder, sound) for sound in item.sounds}
        _check_lengths(sounds)
        channels = max(len(samples) for samples in sounds.values())
        heard = {
            stimulus: samples
            for stimulus, sound in _stimuli(item)
            if self._is_heard(sound, samples := self._cut(sounds[sound], channels))
        }
        if not {"a", "b"} <= {stimulus.role for stimulus in heard}:
            self.left_out[f"{item.name}: an end is silent"] += 1
            return {}
        self._drop_truths_twins(heard)
        heard |= self._anchors(heard)
        if other is not None and "fusion" in self.plan.questions:
            (a,) = (stimulus for stimulus in heard if stimulus.role == "a")
            heard[replace(a, role="two guitars")] = self._two_guitars(heard[a], other)
        return dict(zip(heard, match_loudness(list(heard.values()), MODEL_RATE), strict=True))

    def _cut(self, sound: Signal, channels: int) -> Signal:
        """``[C', T']`` as ``[channels, T]``, faded at both ends."""
        cut = np.array(np.broadcast_to(sound[:, : self.num_samples], (channels, self.num_samples)))
        ramp = np.linspace(0, 1, FADE, dtype=np.float32)
        cut[:, :FADE] *= ramp
        cut[:, -FADE:] *= ramp[::-1]
        return cut

    def _is_heard(self, sound: Sound, samples: Signal) -> bool:
        meter = LoudnessMeter(MODEL_RATE, len(samples))
        meter.add(samples)
        is_heard = bool(np.isfinite(meter.integrated()))
        if not is_heard:
            self.left_out[f"{sound.backend or sound.role}: silent"] += 1
        return is_heard

    def _drop_truths_twins(self, heard: dict[Stimulus, Signal]) -> None:
        """A backend that turns the real knob is the truth, not an answer to compare with it."""
        truths = {s.amount: samples for s, samples in heard.items() if s.role == "truth"}
        for stimulus, samples in list(heard.items()):
            truth = truths.get(stimulus.amount)
            if stimulus.role != "morph" or truth is None:
                continue
            if np.abs(samples - truth).max() <= SILENT:
                self.left_out[f"{stimulus.backend}: the true in-between itself"] += 1
                del heard[stimulus]

    def _anchors(self, heard: dict[Stimulus, Signal]) -> dict[Stimulus, Signal]:
        if "quality" not in self.plan.questions:
            return {}
        return {
            replace(truth, role=role): low_passed(samples, cutoff)
            for truth, samples in heard.items()
            if truth.role == "truth"
            for role, cutoff in ANCHORS.items()
        }

    def _two_guitars(self, first: Signal, other: Item) -> Signal:
        """This item's first end and another one's, equally loud: surely two guitars."""
        second = self._cut(_mono(_load(self.folder, other.a)), len(first))
        mixed: Signal = np.sum(match_loudness([first, second], MODEL_RATE), axis=0)
        return mixed


def num_samples(folder: Location, items: Sequence[Item], plan: Plan) -> int:
    """How long each sound of the test is, at 44.1 kHz.

    Raises:
        SettingError: the plan asks for more than the shortest item has.
    """
    shortest = int(min(_load(folder, item.a).shape[1] for item in items))
    if plan.seconds is None:
        return min(shortest, round(MOST_SECONDS * MODEL_RATE))
    if (wanted := round(plan.seconds * MODEL_RATE)) > shortest:
        raise SettingError(
            f"the shortest item has {shortest / MODEL_RATE:.2f} s; ask for that or less, not for "
            f"{plan.seconds:g} s"
        )
    return wanted


def loudest_peak(sounds: Iterable[Signal]) -> float:
    """The largest true peak, linear."""
    largest = 0.0
    for sound in sounds:
        meter = TruePeakMeter(len(sound))
        meter.add(sound)
        largest = max(largest, meter.peak)
    return largest


def _stimuli(item: Item) -> Iterator[tuple[Stimulus, Sound]]:
    """What the sounds of an item are called in a test; amounts as the plan writes them."""
    ends = [(item.a, 0.0), (item.b, 1.0)]
    truths = [(sound, amount) for amount, sound in item.truths.items()]
    morphs = [(sound, amount) for amount, some in item.morphs.items() for sound in some]
    for sound, amount in [*ends, *truths, *morphs]:
        yield (
            Stimulus(
                item=sound.item,
                transition=sound.transition,
                role=sound.role,
                backend=sound.backend,
                amount=amount,
            ),
            sound,
        )


def _load(folder: Location, sound: Sound) -> Signal:
    """A whole file, ``[C, T]`` at 44.1 kHz."""
    try:
        with (folder / sound.path).reading() as path, AudioReader(str(path)) as reader:
            if reader.info.is_lossy:
                raise SettingError(f"{sound.path} is lossy; evaluate again, it writes FLAC")
            samples = ModelRateReader(reader)
            return samples.read(0, samples.num_samples)
    except (TrackError, FileNotFoundError) as error:
        raise SettingError(f"{sound}: {error}; evaluate again") from error


def _check_lengths(sounds: Mapping[Sound, Signal]) -> None:
    (first, length), *others = ((sound, samples.shape[1]) for sound, samples in sounds.items())
    for sound, other in others:
        if other != length:
            raise SettingError(
                f"{sound}: {other} samples at 44.1 kHz, but {first} has {length}; sounds of an "
                "item must be equally long: evaluate again"
            )


def _mono(sound: Signal) -> Signal:
    mono: Signal = sound.mean(axis=0, keepdims=True)
    return mono
