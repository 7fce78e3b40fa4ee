"""Reads a recipe from YAML; what it may not say is refused with its line and what is possible."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from morphsep.dataset.recipe.recipe import (
    Chains,
    DataRecipe,
    Ladder,
    PedalRange,
    Rendering,
    Tones,
)
from morphsep.dataset.recipe.yaml_part import YamlPart
from morphsep.errors import SettingError
from morphsep.storage import absolute, beside, folder_of, location

if TYPE_CHECKING:
    from morphsep.tones.effects import Parameter

RATES = (16000, 44100, 48000)
BITS = (16, 24)
LEAST, MOST = 1.0, 30.0
"""Seconds of a clip."""
CHANCE = "chance"


def read_recipe(path: str) -> tuple[DataRecipe, str]:
    """The recipe in a YAML file, and the file's text.

    Raises:
        SettingError: the file cannot be read, or asks for something impossible; the message names
            the line and what is possible.
    """
    try:
        text = location(path).read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"the recipe {path} cannot be read: {error}") from error
    return parse_recipe(text, path), text


def parse_recipe(text: str, file: str, places: Mapping[str, str] | None = None) -> DataRecipe:
    """The recipe that this YAML says.

    Args:
        file: names it in messages; tones that are files lie beside it.
        places: where they lie instead, by the names that the recipe has for them.

    Raises:
        SettingError: see `read_recipe`.
    """
    whole = YamlPart.whole(text, file, places or {})
    given = whole.fields(FIELDS)
    if "render" not in given:
        possible = ", ".join(RENDERINGS)
        raise SettingError(f"{file} renders nothing; 'render' takes a list of {possible}")
    read = {FIELDS[name][0]: FIELDS[name][1](part) for name, part in given.items()}
    found = _places(whole, read["render"])
    return DataRecipe(**read, places=found, files=_fingerprints(found.values()))


def _places(whole: YamlPart, render: Sequence[Rendering]) -> dict[str, str]:
    """Where the tones lie that are files."""
    from morphsep.tones import named_tones

    names = [name for each in render for name in each.named_tones if name not in named_tones()]
    return {name: _place(whole, name) for name in names}


def _fingerprints(places: Iterable[str]) -> tuple[str, ...]:
    """Of the tones that are files: their names say nothing of their sound."""
    from morphsep.tones import get_tone

    return tuple(get_tone(place).fingerprint() for place in places)


def _one_of(part: YamlPart, possible: tuple[int, ...]) -> int:
    value = part.whole_number(0, 10**6)
    if value not in possible:
        raise part.refusal(f"{value} is not possible; possible: {', '.join(map(str, possible))}")
    return value


def _clips(part: YamlPart) -> int | None:
    return None if part.is_nothing else part.whole_number(1, 1_000_000)


def _loudness(part: YamlPart) -> float | None:
    return None if part.is_nothing else part.number(-60, -10)


def _splits(part: YamlPart) -> dict[str, float]:
    import yaml

    if not isinstance(part.node, yaml.MappingNode):
        raise part.refusal("shares by name are expected: {train: 0.8, test: 0.2}")
    names = [str(key.value) for key, _ in part.node.value]
    for name in names:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise part.refusal(f"{name!r} names no split; use small letters, digits and _")
    shares = {name: each.number(0, 1) for name, each in part.fields(names).items()}
    if abs(sum(shares.values()) - 1) > 1e-6:
        raise part.refusal(f"the shares add up to {sum(shares.values()):g}, not to 1")
    return shares


def _rendering(item: YamlPart) -> Rendering:
    name, part = item.single()
    if name not in RENDERINGS:
        raise item.refusal(f"unknown rendering {name!r}; possible: {', '.join(RENDERINGS)}")
    return RENDERINGS[name](part)


def _ladder(part: YamlPart) -> Ladder:
    given = part.fields(("from", "to", "steps", "backend", "crossfades"))
    for name in ("from", "to"):
        if name not in given:
            raise part.refusal(f"a ladder needs {name!r}, a tone")
    values: dict[str, Any] = {
        "source": _tone(given["from"]),
        "target": _tone(given["to"]),
    }
    if steps := given.get("steps"):
        values["steps"] = steps.whole_number(2, 1001)
    if backend := given.get("backend"):
        values["backend"] = _backend(backend)
    if crossfades := given.get("crossfades"):
        values["crossfades"] = crossfades.flag()
    return Ladder(**values)


def _backend(part: YamlPart) -> str:
    from morphsep.request import plugin_names

    name, known = part.text(), plugin_names("backend")
    if name not in known:
        raise part.refusal(f"there is no backend {name!r}; possible: {', '.join(known)}")
    return name


def _tone(part: YamlPart) -> str:
    """A tone that exists, by name or by its file."""
    from morphsep.tones import get_tone

    name = part.text()
    try:
        get_tone(_place(part, name))
    except SettingError as error:
        raise part.refusal(str(error)) from error
    return name


def _place(part: YamlPart, name: str) -> str:
    """The path of a tone that is a file, else its name."""
    from morphsep.tones import is_definition, is_recording

    if name in part.places:
        return part.places[name]
    if is_definition(name) or is_recording(name):
        return beside(folder_of(absolute(part.file)), name)
    return name


def _tones(part: YamlPart) -> Tones:
    tones = tuple(_tone(item) for item in part.items())
    if len(set(tones)) < len(tones):
        raise part.refusal("a tone stands there twice")
    return Tones(tones=tones)


def _chains(part: YamlPart) -> Chains:
    given = part.fields(("per_clip", "order", "pedals"))
    if "pedals" not in given:
        raise part.refusal("chains need 'pedals', a list")
    order = given["order"].text() if "order" in given else "as-listed"
    if order not in ("as-listed", "shuffled"):
        raise given["order"].refusal(f"{order!r} is not possible; possible: as-listed, shuffled")
    return Chains(
        per_clip=given["per_clip"].whole_number(1, 10_000) if "per_clip" in given else 1,
        pedals=tuple(_pedal(item) for item in given["pedals"].items()),
        shuffled=order == "shuffled",
    )


def _pedal(item: YamlPart) -> PedalRange:
    from morphsep.tones.effects import knobs

    kind, part = item.single()
    try:
        parameters = knobs(kind)
    except SettingError as error:
        raise item.refusal(str(error)) from error
    drawn = {name: each for name, each in parameters.items() if _is_number(each)}
    given = {} if part.is_nothing else part.fields((CHANCE, *drawn))
    chance = given.pop(CHANCE).number(0, 1) if CHANCE in given else 1.0
    ranges = tuple(sorted(_range(name, each, drawn) for name, each in given.items()))
    return PedalRange(kind=kind, chance=chance, ranges=ranges)


def _is_number(parameter: Parameter) -> bool:
    return isinstance(parameter.default, float | int) and not isinstance(parameter.default, bool)


def _range(
    name: str, part: YamlPart, parameters: Mapping[str, Parameter]
) -> tuple[str, float, float]:
    low, high = parameters[name].low, parameters[name].high
    if not part.is_list:
        value = part.number(low, high)
        return name, value, value
    ends = [each.number(low, high) for each in part.items()]
    if len(ends) != 2 or ends[0] >= ends[1]:
        raise part.refusal("a number is expected, or the lowest and the highest: [10, 40]")
    return name, ends[0], ends[1]


RENDERINGS: dict[str, Callable[[YamlPart], Rendering]] = {
    "ladder": _ladder,
    "tones": _tones,
    "chains": _chains,
}
"""What an item of ``render`` can be."""

FIELDS: dict[str, tuple[str, Callable[[YamlPart], Any]]] = {
    "clip_seconds": ("seconds", lambda part: part.number(LEAST, MOST)),
    "sample_rate": ("rate", lambda part: _one_of(part, RATES)),
    "channels": ("channels", lambda part: part.whole_number(1, 2)),
    "bits": ("bits", lambda part: _one_of(part, BITS)),
    "clips_per_song": ("clips_per_song", _clips),
    "loudness_lufs": ("loudness", _loudness),
    "most_gain_db": ("most_gain", lambda part: part.number(0, 80)),
    "backing": ("backing", lambda part: part.flag()),
    "splits": ("splits", _splits),
    "seed": ("seed", lambda part: part.whole_number(0, 2**31 - 1)),
    "render": ("render", lambda part: tuple(_rendering(item) for item in part.items())),
}
"""What a recipe can say -> the field of `DataRecipe`, and how it is read."""
