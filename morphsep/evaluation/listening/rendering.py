"""The sounds of a test: cut to one length and brought to one loudness, none of them twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from morphsep.dsp import (
    MODEL_RATE,
    LoudnessMeter,
    Signal,
    TruePeakMeter,
    from_db,
)
from morphsep.errors import SettingError
from morphsep.evaluation.listening.anchors import low_passed
from morphsep.evaluation.listening.choosing import LEAST_SECONDS, MOST_SECONDS, Item, Plan
from morphsep.evaluation.listening.design import Role, Stimulus
from morphsep.evaluation.metrics import match_loudness
from morphsep.evaluation.sounds import Sound, load_sound
from morphsep.storage import Location

FADE = MODEL_RATE // 100
"""Samples over which a sound begins and ends: 10 ms, so that a cut does not click."""
ANCHORS: dict[Role, float] = {"anchor 3.5 kHz": 3500.0, "anchor 7 kHz": 7000.0}
"""The cut-off of each, in Hz (BS.1534-3)."""
ALIKE = from_db(-60.0)
"""What differs from the truth by less than this part of it (RMS) cannot be told from it."""


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
        sounds = {sound: load_sound(self.folder, sound) for sound in item.sounds}
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
        heard |= self._anchors(heard)
        self._drop_truths_twins(heard)
        if other is not None:
            heard |= self._two_guitars(heard, other, channels)
        return dict(zip(heard, match_loudness(list(heard.values()), MODEL_RATE), strict=True))

    def _cut(self, sound: Signal, channels: int) -> Signal:
        """``[C', T']`` as ``[channels, T]``, faded at both ends."""
        cut = np.array(np.broadcast_to(sound[:, : self.num_samples], (channels, self.num_samples)))
        ramp = np.linspace(0, 1, FADE, dtype=np.float32)
        cut[:, :FADE] *= ramp
        cut[:, -FADE:] *= ramp[::-1]
        return cut

    def _is_heard(self, sound: Sound, samples: Signal) -> bool:
        if _is_silent(samples):
            self.left_out[f"{sound.backend or sound.role}: silent"] += 1
            return False
        return True

    def _drop_truths_twins(self, heard: dict[Stimulus, Signal]) -> None:
        """Takes out what is the truth to any listener, and so is nothing to compare with it: a
        backend that turns the real knob, a filter that takes nothing away."""
        truths = {s.amount: samples for s, samples in heard.items() if s.role == "truth"}
        for stimulus in [s for s in heard if s.role in ("morph", *ANCHORS)]:
            truth = truths.get(stimulus.amount)
            if truth is not None and _rms(heard[stimulus] - truth) < ALIKE * _rms(truth):
                self.left_out[f"{stimulus.condition}: the true in-between itself"] += 1
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

    def _two_guitars(
        self, heard: dict[Stimulus, Signal], other: Item, channels: int
    ) -> dict[Stimulus, Signal]:
        """This item's first end and another one's, equally loud: surely two guitars."""
        second = self._cut(_mono(load_sound(self.folder, other.a)), channels)
        if "fusion" not in self.plan.questions or _is_silent(second):
            return {}
        (a,) = (stimulus for stimulus in heard if stimulus.role == "a")
        both = match_loudness([heard[a], second], MODEL_RATE)
        return {replace(a, role="two guitars"): np.sum(both, axis=0)}


def num_samples(folder: Location, items: Sequence[Item], plan: Plan) -> int:
    """How long each sound of the test is, at 44.1 kHz.

    Raises:
        SettingError: the plan asks for more than the shortest item has, or that is too short.
    """
    shortest = int(min(load_sound(folder, item.a).shape[1] for item in items))
    if shortest < LEAST_SECONDS * MODEL_RATE:
        raise SettingError(
            f"the shortest item has {shortest / MODEL_RATE:.2f} s; listeners need "
            f"{LEAST_SECONDS:g} s or more: evaluate longer items"
        )
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


def _check_lengths(sounds: Mapping[Sound, Signal]) -> None:
    (first, length), *others = ((sound, samples.shape[1]) for sound, samples in sounds.items())
    for sound, other in others:
        if other != length:
            raise SettingError(
                f"{sound}: {other} samples at 44.1 kHz, but {first} has {length}; sounds of an "
                "item must be equally long: evaluate again"
            )


def _is_silent(sound: Signal) -> bool:
    """Whether there is no loudness to match (BS.1770-4: nothing above -70 LUFS)."""
    meter = LoudnessMeter(MODEL_RATE, len(sound))
    meter.add(sound)
    return not np.isfinite(meter.integrated())


def _rms(sound: Signal) -> float:
    return float(np.sqrt(np.mean(sound.astype(np.float64) ** 2)))


def _mono(sound: Signal) -> Signal:
    mono: Signal = sound.mean(axis=0, keepdims=True)
    return mono
