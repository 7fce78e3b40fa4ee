"""Reads a chain from YAML; what a file may not say is refused with its line and the reason.

name: my-rig
description: Clean with a slow chorus.
trim_db: -1.5                # optional
context: 0.5                 # optional, seconds
pedals:
  - HighpassFilter: {cutoff_frequency_hz: 90}
  - Chorus: {rate_hz: 0.8, depth: 0.2}
  - VST3: {path: plugins/amp.vst3, parameters: {gain: 5.0}}
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from morphsep.dsp import samples
from morphsep.errors import SettingError
from morphsep.tones.chain.chain import FILE_SETTINGS, EffectChain
from morphsep.tones.chain.rack import Pedal
from morphsep.tones.effects.convolution import HOP
from morphsep.tones.effects.effect import Parameter, Setting
from morphsep.tones.effects.measured_room import rings
from morphsep.tones.effects.plugin import PedalboardEffect
from morphsep.tones.effects.registry import knobs
from morphsep.tones.effects.vst3 import load

FIELDS = ("name", "description", "trim_db", "context", "pedals")
LONGEST_CONTEXT = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Position:
    """Position of an item in a file, for error messages."""

    file: Path
    line: int
    what: str = ""

    def refuse(self, problem: str) -> SettingError:
        what = f"{self.what}: " if self.what else ""
        return SettingError(f"{self.file}, line {self.line}: {what}{problem}")


def read_chain(file: Path) -> EffectChain:
    """The chain that a YAML file describes.

    Raises:
        SettingError: the file cannot be read, is not YAML, or asks for something impossible; the
            message names the line, the pedal and what is allowed.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{file} cannot be read: {error}") from error
    return parse_chain(text, file)


def parse_chain(text: str, file: Path) -> EffectChain:
    """The chain that this YAML describes; ``file`` is its source, for error messages and for the
    relative paths in it.

    Raises:
        SettingError: see ``read_chain``.
    """
    try:
        data = yaml.safe_load(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise SettingError(f"{file} is not YAML: {' '.join(str(error).split())}") from error
    top = _Position(file=file, line=1)
    if not isinstance(data, dict) or not isinstance(root, yaml.MappingNode):
        raise top.refuse(f"a tone is a mapping with {', '.join(FIELDS)}")
    return _chain(data, _lines(root), file)


def _chain(data: Mapping[str, Any], lines: _Lines, file: Path) -> EffectChain:
    pedals = _checked_pedals(data, lines, file)

    def number(field: str, low: float, high: float, default: float | None) -> float | None:
        if data.get(field) is None:
            return default
        position = _Position(file=file, line=lines.fields[field], what=field)
        parameter = Parameter(default=0.0, low=low, high=high)
        return float(str(_checked(data[field], parameter, position)))

    return EffectChain(
        name=str(data.get("name") or file.stem),
        description=str(data.get("description") or f"A chain of {len(pedals)} pedals."),
        pedals=tuple(
            _pedal(item, _Position(file=file, line=line, what=f"pedal {i}"))
            for i, (item, line) in enumerate(zip(pedals, lines.pedals, strict=True), 1)
        ),
        trim_db=number("trim_db", -60, 60, 0.0) or 0.0,
        settle=number("context", 0, LONGEST_CONTEXT, None),
    )


def _checked_pedals(data: Mapping[str, Any], lines: _Lines, file: Path) -> list[Any]:
    """The items of ``pedals``, in a tone that has no unknown field."""
    for field in data:
        if field not in FIELDS:
            position = _Position(file=file, line=lines.fields.get(str(field), 1))
            raise position.refuse(f"unknown field {field!r}; a tone has {', '.join(FIELDS)}")
    pedals = data.get("pedals")
    if not isinstance(pedals, list) or not pedals:
        position = _Position(file=file, line=lines.fields.get("pedals", 1))
        raise position.refuse("'pedals' must be a list of at least one pedal")
    return pedals


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lines:
    """Line numbers of the fields and of the pedals."""

    fields: dict[str, int]
    pedals: list[int]


def _lines(root: yaml.MappingNode) -> _Lines:
    fields = {str(key.value): key.start_mark.line + 1 for key, _ in root.value}
    pedals = [node.value for key, node in root.value if key.value == "pedals"]
    items = pedals[-1] if pedals and isinstance(pedals[-1], list) else []
    nodes = [item for item in items if isinstance(item, yaml.Node)]
    return _Lines(fields=fields, pedals=[node.start_mark.line + 1 for node in nodes])


def _pedal(item: object, position: _Position) -> Pedal:
    if isinstance(item, str):
        item = {item: None}
    if not isinstance(item, dict) or len(item) != 1:
        raise position.refuse("a pedal is one name with its parameters: '- Drive: {drive_db: 20}'")
    ((kind, given),) = item.items()
    position = _Position(file=position.file, line=position.line, what=f"{position.what} ({kind})")
    try:
        parameters = knobs(str(kind))
    except SettingError as error:
        raise position.refuse(str(error)) from error
    if not isinstance(given, dict | None):
        raise position.refuse(f"its parameters must be a mapping; it has {', '.join(parameters)}")
    settings = {name: parameter.default for name, parameter in parameters.items()}
    for name, value in (given or {}).items():
        if name not in parameters:
            allowed = ", ".join(sorted(parameters))
            raise position.refuse(f"unknown parameter {name!r}; it has {allowed}")
        settings[name] = _setting(name, value, parameters[name], position)
    pedal = Pedal(kind=str(kind), settings=tuple(sorted(settings.items())))
    _try_out(pedal, position)
    return _of_room(pedal, position) if pedal.kind == "Convolution" else pedal


def _of_room(pedal: Pedal, position: _Position) -> Pedal:
    """A convolution with the response of a room can be turned, and remembers longer."""
    try:
        if not rings(str(pedal.values["impulse_response_filename"])):
            return pedal
    except ValueError as error:
        raise position.refuse(str(error)) from error
    settings = {name: parameter.default for name, parameter in knobs("RoomResponse").items()}
    room = Pedal(kind="RoomResponse", settings=tuple(sorted({**settings, **pedal.values}.items())))
    _try_out(room, position)
    return room


def _setting(name: str, value: object, parameter: Parameter, position: _Position) -> Setting:
    here = _Position(file=position.file, line=position.line, what=f"{position.what}, {name}")
    if name == "parameters" and isinstance(value, dict):
        return tuple(sorted((str(k), v) for k, v in value.items()))
    if name in FILE_SETTINGS:
        path = (position.file.parent / str(value)).resolve()
        if not path.exists():
            raise here.refuse(f"there is no {path}")
        return str(path)
    return _checked(value, parameter, here)


def _checked(value: object, parameter: Parameter, position: _Position) -> Setting:
    kind = type(parameter.default)
    if kind is bool and isinstance(value, bool):
        return value
    if kind is str and isinstance(value, str):
        return value
    if kind not in (float, int) or isinstance(value, bool) or not isinstance(value, float | int):
        raise position.refuse(
            f"{value!r} is not a {'number' if kind in (float, int) else kind.__name__}"
        )
    if not math.isfinite(value) or not parameter.low <= value <= parameter.high:
        raise position.refuse(f"{value} is out of range {parameter.low:g} to {parameter.high:g}")
    return float(value)


def _try_out(pedal: Pedal, position: _Position) -> None:
    """Build the pedal once: pedalboard has limits of its own, which show only then."""
    try:
        if isinstance(pedal.effect, PedalboardEffect):
            pedal.effect.build({k: v for k, v in pedal.settings if k != "mix"})
        elif pedal.kind == "VST3":
            load(pedal.values)
        context = pedal.context()
    except (ValueError, TypeError, AttributeError, RuntimeError, OSError) as error:
        raise position.refuse(" ".join(str(error).split())) from error
    if context[0] > samples(LONGEST_CONTEXT) + HOP:  # a convolution needs as much more
        raise position.refuse(f"it rings for more than {LONGEST_CONTEXT:.0f} s")
