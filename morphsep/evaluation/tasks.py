"""What is evaluated: transitions from one tone to another whose true in-betweens are known."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from morphsep.errors import SettingError
from morphsep.tones import get_transition, knobs_of_capture


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """Two tones between which a knob can really be turned."""

    name: str
    """In tables and in the names of folders."""
    source: str
    target: str
    """As `morphsep.tones.get_tone` takes them."""
    passages: str
    """Transitions with the same text here take the same passages of each recording."""
    device: str = ""
    """Whose knob it is, where the transitions are a sample of devices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Transitions that are evaluated together."""

    name: str
    title: str
    truth: str
    """What the true in-betweens are: completes "The truth is ..."."""
    transitions: Sequence[Transition]
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Files that are no transition, with the reason."""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Files that could not be read, with the reason."""
    is_papers: bool = False
    """Whether it can stand beside the paper's table."""
    leads_with: Sequence[str] = ()
    """Measures that have a table by transition, in their order; ours unless told."""

    @property
    def devices(self) -> Mapping[str, str]:
        """By transition; empty where transitions are no sample of devices."""
        return {each.name: each.device for each in self.transitions if each.device}


def _named(name: str) -> Transition:
    source, target = get_transition(name)
    return Transition(name=name, source=source, target=target, passages=name)


FIVE_TRANSITIONS = Task(
    name="five-transitions",
    title="five transitions",
    truth="the effect chain really at that knob",
    transitions=[
        _named("clean-to-distortion"), _named("clean-to-overdrive"),
        _named("overdrive-to-distortion"), _named("clean-to-chorus"),
        _named("chorus-to-distortion"),
    ],
    is_papers=True,
)  # fmt: skip
"""Clean to high gain, clean to low gain, low gain to high gain, clean to modulation, modulation to
high gain (arXiv 2510.07908), with built-in tones."""
CAPTURED_KNOBS = "captured-knobs"
BY_KNOB = ("truth_nearest", "truth_same_amount", "lean_to_louder", "position_deviation")
"""Real knobs are steep: at the same amount mostly their law would be compared."""


def captured_knobs(folder: str) -> Task:
    """The captures in a folder that have a knob, each from 0 to 1.

    Raises:
        SettingError: no such folder, or no such capture in it.
    """
    place = Path(folder).expanduser()
    if not place.is_dir():
        raise SettingError(f"--captures takes a folder of captures (.json), and {folder} is none")
    transitions, left_out, unreadable = list[Transition](), dict[str, str](), dict[str, str]()
    for path in sorted(place.absolute().glob("*.json")):
        try:
            str(path).encode()
            knobs = knobs_of_capture(path)
        except UnicodeEncodeError:
            named = os.fsencode(path).decode("utf-8", "backslashreplace")
            unreadable[named] = "its name is not UTF-8; rename it"
            continue
        except SettingError as error:
            unreadable[str(path)] = str(error)
            continue
        transitions += [
            Transition(
                name=f"{path.stem}, {knob}",
                source=f"{path}@{knob}=0",
                target=f"{path}@{knob}=1",
                passages=CAPTURED_KNOBS,
                device=path.stem,
            )
            for knob in knobs
        ]
        if not knobs:
            left_out[str(path)] = "captured without a knob"
    if not transitions:
        reasons = "; ".join(f"{path}: {why}" for path, why in (left_out | unreadable).items())
        raise SettingError(reasons or f"there is no capture (.json) in {folder}")
    return Task(
        name=CAPTURED_KNOBS, title="captured knobs",
        truth="the captured device really at that knob", leads_with=BY_KNOB,
        transitions=transitions, left_out=left_out, unreadable=unreadable,
    )  # fmt: skip
