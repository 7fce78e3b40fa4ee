"""An amount that follows the playing, as a user writes it: ``follow level 0.1..0.9``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from morphsep.errors import SettingError

if TYPE_CHECKING:
    from morphsep.dsp import Seconds

FEATURES = ("level", "brightness", "density", "pitch")
MOST_WEIGHT = 1000
EXAMPLE = '"follow level 0.1..0.9 attack=10ms release=300ms"'
_WORD = re.compile(r"^follow(?=[\s:]|$):?", re.IGNORECASE)
_NUMBER = r"\d+(?:\.\d*)?|\.\d+"
_TERM = re.compile(rf"([+-]?)(?:({_NUMBER})\*)?([^+*-]+)")
_RANGE = re.compile(rf"^({_NUMBER})\.\.({_NUMBER})$")
_QUANTITY = re.compile(rf"^(-?(?:{_NUMBER}))([a-z/]*)$")
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")
_AROUND = re.compile(r"\s*([+*])\s*|\s+(-)\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """What an amount follows, and how; the curve itself is taken from a track's stem."""

    terms: tuple[tuple[str, float], ...] = (("level", 1.0),)
    """(feature, weight); one of negative weight counts the other way round."""
    floor: float = 0.0
    """The amount where the guitar rests, and where the feature is lowest."""
    ceiling: float = 1.0
    attack: Seconds = 0.01
    """Time constant of a rising amount."""
    release: Seconds = 0.3
    """Time constant of a falling amount."""
    lookahead: Seconds = 0.01
    """How much earlier the amount rises than the feature."""
    hysteresis: float = 0.0
    """Change of direction that is not followed, as a part of the range."""
    slew: float | None = None
    """Most that the amount changes in a second; None: no limit."""
    gate: float | None = -50.0
    """Level below which the guitar rests, dB below the stem's loudest moment; None: silence."""
    curve: float = 1.0
    """Exponent: above 1 the amount rises late, below 1 early."""
    invert: bool = False
    """Whether the lowest feature has the largest amount."""

    @property
    def is_zero(self) -> bool:
        """Whether nothing is asked for in any track; as of `Curve`, like the others."""
        return False

    @property
    def constant(self) -> None:
        """The amount, if it never changes."""
        return None

    @property
    def is_trivial(self) -> bool:
        """Whether only 0 and 1 are asked for."""
        return False

    def __str__(self) -> str:
        """All of it in one spelling, which `parse_following` reads."""
        terms = "".join(f"{weight:+.17g}*{feature}" for feature, weight in self.terms)
        gate = "off" if self.gate is None else f"{self.gate!r}db"
        slew = "off" if self.slew is None else f"{self.slew!r}/s"
        return (
            f"follow {terms} {self.floor!r}..{self.ceiling!r} attack={self.attack!r}s "
            f"release={self.release!r}s lookahead={self.lookahead!r}s "
            f"hysteresis={self.hysteresis!r} slew={slew} gate={gate} curve={self.curve!r}"
            f"{' invert' * self.invert}"
        )


def is_following(text: str) -> bool:
    """Whether an amount is meant to follow the playing."""
    return _WORD.match(text.strip()) is not None


def parse_following(text: str) -> Following:
    """What is to be followed.

    >>> parse_following("follow level + 0.5*density 0.1..0.9").terms
    (('level', 1.0), ('density', 0.5))

    Raises:
        SettingError: an unknown feature or option, or a value that is none or outside its range.
    """
    rest = _DECIMAL_COMMA.sub(".", _WORD.sub("", text.strip()).lower())
    values: dict[str, Any] = {}
    for token in _AROUND.sub(lambda found: found[1] or found[2], rest).split():
        for name, value in _read(token).items():
            if name in values:
                raise SettingError(f"{text!r} says twice what its {name} is")
            values[name] = value
    return Following(**values)


def _read(token: str) -> dict[str, Any]:
    """What one word says."""
    name, assigned, value = token.partition("=")
    if assigned:
        if name not in _OPTIONS:
            raise SettingError(f"follow has no option {name!r}; there are: {_NAMES}")
        return {name: _OPTIONS[name](name, value)}
    if name == "invert":
        return {"invert": True}
    if ".." in token:
        return _range(token)
    return {"terms": _terms(token)}


def _range(token: str) -> dict[str, float]:
    match = _RANGE.match(token)
    floor, ceiling = map(float, match.groups()) if match else (0.0, 0.0)
    if not 0.0 <= floor < ceiling <= 1.0:
        raise SettingError(
            f"{token!r} is no range of amounts: write the smaller first, both from 0 to 1, such as "
            "0.1..0.9; invert turns it round"
        )
    return {"floor": floor, "ceiling": ceiling}


def _terms(token: str) -> tuple[tuple[str, float], ...]:
    found = list(_TERM.finditer(token))
    if "".join(match[0] for match in found) != token:
        raise SettingError(f"{token!r} is no sum of features, such as level+0.5*density")
    terms: dict[str, float] = {}
    for sign, weight, feature in (match.groups() for match in found):
        if feature not in FEATURES:
            raise SettingError(
                f"{feature!r} cannot be followed; there are: {', '.join(FEATURES)} and sums of "
                f"these, then a range such as 0.1..0.9, invert and {_NAMES}: {EXAMPLE}"
            )
        size = float(weight or 1)
        if feature in terms or not 0 < size <= MOST_WEIGHT:
            raise SettingError(
                f"{token!r} has to name each feature once, with a weight above 0, {MOST_WEIGHT} at "
                "most"
            )
        terms[feature] = -size if sign == "-" else size
    return tuple(terms.items())


def _quantity(name: str, text: str, units: dict[str, float], least: float, most: float) -> float:
    """A number with its unit, divided by what the unit counts.

    Args:
        units: how many of each make one of what is wanted.
    """
    match = _QUANTITY.match(text)
    if match is None or match[2] not in units:
        spelt = " or ".join(f"{name}=1{unit}" for unit in units)
        raise SettingError(f"{name}={text} is not understood: write it as in {spelt}")
    value = float(match[1]) / units[match[2]]
    if not least <= value <= most:
        raise SettingError(f"{name}={text} has to lie between {least:g} and {most:g}")
    return value + 0.0  # no -0.0


def _time(most: float) -> Callable[[str, str], float]:
    return lambda name, text: _quantity(name, text, {"ms": 1000.0, "s": 1.0}, 0.0, most)


def _number(least: float, most: float) -> Callable[[str, str], float]:
    return lambda name, text: _quantity(name, text, {"": 1.0}, least, most)


def _slew(name: str, text: str) -> float | None:
    return None if text == "off" else _quantity(name, text, {"/s": 1.0}, 0.01, 100.0)


def _gate(name: str, text: str) -> float | None:
    if text == "off":
        return None
    match = _QUANTITY.match(text)
    if match is None or match[2] != "db" or not -90.0 <= float(match[1]) <= 0.0:
        raise SettingError(
            f"gate={text} has to lie between -90dB and 0dB, below the stem's loudest moment: "
            "gate=-50dB; or gate=off"
        )
    return float(match[1]) + 0.0


_OPTIONS: dict[str, Callable[[str, str], float | None]] = {
    "attack": _time(60.0), "release": _time(60.0), "lookahead": _time(10.0),
    "hysteresis": _number(0.0, 0.5), "slew": _slew, "gate": _gate, "curve": _number(0.1, 10.0),
}  # fmt: skip
_NAMES = ", ".join(_OPTIONS)
