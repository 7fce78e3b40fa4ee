"""A captured device as a tone: a chain of this one pedal, ``amp.json@gain=0.8``."""

from __future__ import annotations

from pathlib import Path

from morphsep.errors import SettingError
from morphsep.tones.capture import load_device
from morphsep.tones.chain.chain import EffectChain
from morphsep.tones.chain.rack import Pedal
from morphsep.tones.effects.captured import HALF_WAY, KNOB
from morphsep.tones.effects.effect import Setting

SUFFIX = ".json"


def split_knob(spec: str) -> tuple[str, str]:
    """The file that a tone's name names, and what it says about a knob, its ``@`` included.

    >>> split_knob("amps/small.json@gain=0.8"), split_knob("clean")
    (('amps/small.json', '@gain=0.8'), ('clean', ''))
    """
    file, at, knob = spec.rpartition("@")
    return (file, at + knob) if at and file.lower().endswith(SUFFIX) else (spec, "")


def knobs_of_capture(path: Path) -> tuple[str, ...]:
    """The names of a capture's knobs, as they stand behind the ``@``.

    Raises:
        SettingError: the file cannot be played.
    """
    return (KNOB,) if load_device(str(path)).network.has_knob else ()


def read_captured(spec: Path) -> EffectChain:
    """The tone of ``amp.json`` or ``amp.json@gain=0.8``; without a position the knob is half-way.

    Raises:
        SettingError: the file cannot be played, or has no such knob or position.
    """
    name, said = split_knob(str(spec))
    file = Path(name).expanduser().absolute()
    has_knob = load_device(str(file)).network.has_knob
    if said and not has_knob:
        raise SettingError(f"{name} was captured without a knob: name it without {said}")
    gain = _position(said.removeprefix("@"), name) if said else HALF_WAY
    settings: dict[str, Setting] = {"capture_filename": str(file), KNOB: gain, "mix": 1.0}
    at = f", its {KNOB} at {gain:g}" if has_knob else ""
    return EffectChain(
        name=f"{file.stem}@{KNOB}={gain:g}" if has_knob else file.stem,
        description=f"Amp capture: {file.stem}{at} (its maker's licence).",
        pedals=(Pedal(kind="Capture", settings=tuple(sorted(settings.items()))),),
    )


def _position(said: str, file: str) -> float:
    knob, _, value = said.partition("=")
    if knob != KNOB:
        raise SettingError(f"{file} has no knob {knob!r}; it has {KNOB}: {file}@{KNOB}=0.5")
    try:
        position = float(value)
    except ValueError:
        position = -1.0
    if not 0 <= position <= 1:
        raise SettingError(f"{file}@{said}: {KNOB} is a number from 0 to 1")
    return position
