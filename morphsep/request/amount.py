"""The amount: a curve over song time, from 0 (the source tone) to 1 (the target tone)."""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from morphsep.errors import SettingError
from morphsep.request.delimited import read_delimited
from morphsep.request.following import EXAMPLE, Following, is_following, parse_following

if TYPE_CHECKING:
    from morphsep.dsp import Seconds, Signal

HOW = (
    'give a number from 0 to 1, points such as "0:00=0 0:05=1", a CSV file with time,amount, or '
    f"what it follows: {EXAMPLE}"
)
_TIME = re.compile(r"^(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?)$")
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")


@dataclass(frozen=True)
class Curve:
    """Straight lines between points; constant before the first and after the last.

    >>> Curve(((0, 0.0), (4, 1.0))).at(2, 4)
    array([0.5 , 0.75, 1.  , 1.  ], dtype=float32)
    """

    points: tuple[tuple[int, float], ...]
    """(song sample at 44.1 kHz, amount), in order of time."""

    def at(self, start: int, num_samples: int) -> Signal:
        """Amount ``[T]`` at the song's samples [start, start + num_samples)."""
        import numpy as np

        first = max(bisect_right(self.points, start, key=_when) - 1, 0)
        stop = bisect_left(self.points, start + num_samples, key=_when) + 1
        when, what = zip(*self.points[first:stop], strict=True)
        curve: Signal = np.interp(np.arange(start, start + num_samples), when, what).astype(
            np.float32
        )
        return curve

    @cached_property
    def is_constant(self) -> bool:
        """Whether the amount never changes."""
        return len({amount for _, amount in self.points}) == 1

    @property
    def constant(self) -> float | None:
        """The amount, if it never changes."""
        return self.points[0][1] if self.is_constant else None

    @cached_property
    def largest(self) -> float:
        """The largest amount that is asked for."""
        return max(amount for _, amount in self.points)

    @property
    def is_zero(self) -> bool:
        """Whether nothing is asked for in the whole track."""
        return self.largest == 0

    @property
    def is_trivial(self) -> bool:
        """Whether only 0 and 1 are asked for, which no perceptual map moves."""
        return self.is_constant and self.points[0][1] in (0.0, 1.0)

    def __str__(self) -> str:
        if self.is_constant:
            return repr(self.points[0][1])
        return " ".join(f"{time}={amount!r}" for time, amount in self.points)

    def csv(self) -> str:
        """The text of a CSV file that `parse_curve` reads."""
        from morphsep.dsp import MODEL_RATE

        times = (f"{time / MODEL_RATE:.6f}".rstrip("0").rstrip(".") for time, _ in self.points)
        rows = zip(times, (repr(amount) for _, amount in self.points), strict=True)
        return "".join(f"{time},{amount}\n" for time, amount in (("time", "amount"), *rows))

    @classmethod
    def of(cls, text: str) -> Curve:
        """The inverse of `str`.

        Raises:
            ValueError: it is no such text.
        """
        if "=" not in text:
            return cls(((0, float(text)),))
        pairs = (point.split("=") for point in text.split())
        return cls(tuple((int(time), float(amount)) for time, amount in pairs))


Amount = Curve | Following
"""A curve, or what makes one of each track."""


def _when(point: tuple[int, float]) -> int:
    return point[0]


def parse_time(text: str) -> Seconds:
    """Seconds of ``12.5``, ``1:02.5`` or ``1:00:00``.

    >>> parse_time("1:02.5")
    62.5
    """
    match = _TIME.match(_DECIMAL_COMMA.sub(".", text.strip()))
    if match is None:
        raise SettingError(f"{text!r} is not a time: write seconds, m:ss or h:mm:ss")
    hours, minutes, seconds = match.groups(default="0")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def parse_amount(text: str) -> Amount:
    """An amount from what a user writes: a curve (`parse_curve`), or what it follows
    (`morphsep.request.following.parse_following`).

    Raises:
        SettingError: neither.
    """
    is_file = text.strip().lower().endswith(".csv")
    return parse_following(text) if is_following(text) and not is_file else parse_curve(text)


def parse_curve(text: str) -> Curve:
    """A curve from what a user writes: ``0.6``, ``"0:00=0 0:05=1"`` or a CSV file's path. A comma
    inside a number is a decimal comma.

    >>> parse_curve("0:00=0 0:05=1").points
    ((0, 0.0), (220500, 1.0))

    Raises:
        SettingError: not one of these, an amount outside [0, 1], times that do not increase.
    """
    text = text.strip()
    if text.lower().endswith(".csv"):
        return _curve(_read_csv(Path(text)))
    if "=" in text:
        pairs = [item.partition("=") for item in _points(text)]
        return _curve([(time, amount) for time, _, amount in pairs])
    return _curve([("0", text)])


def _points(text: str) -> list[str]:
    """The points of a curve, TIME=AMOUNT each, with commas or spaces between them."""
    items = [item.strip(",") for item in text.split()]
    # with more than one point in it, an item's commas stand between them
    return [
        point for item in items for point in ([item] if item.count("=") < 2 else item.split(","))
    ]


def _read_csv(path: Path) -> list[tuple[str, str]]:
    try:
        lines = [line.cells for line in read_delimited(path, ("time", "amount"))]
    except OSError as error:
        raise SettingError(f"the amount curve {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SettingError(f"the amount curve {path} cannot be read: {error}") from error
    rows = [cells for cells in lines if not cells[0].startswith("#")]
    if rows and rows[0][0].lower() == "time":
        rows = rows[1:]
    if not rows or any(len(row) != 2 for row in rows):
        raise SettingError(f"{path} needs two columns, time and amount, in at least one row")
    return [(row[0], row[1]) for row in rows]


def _curve(pairs: list[tuple[str, str]]) -> Curve:
    from morphsep.dsp import samples

    points = tuple((samples(parse_time(time)), _amount(amount)) for time, amount in pairs)
    times = [time for time, _ in points]
    if any(b <= a for a, b in itertools.pairwise(times)):
        raise SettingError("the times of an amount curve must increase from point to point")
    return Curve(points)


def _amount(text: str) -> float:
    try:
        value = float(_DECIMAL_COMMA.sub(".", text))
    except ValueError:
        raise SettingError(f"{text!r} is not an amount: {HOW}") from None
    if not 0.0 <= value <= 1.0:
        raise SettingError(f"an amount must lie between 0 and 1, got {text}: {HOW}")
    return value
