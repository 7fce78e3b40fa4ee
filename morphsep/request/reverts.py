"""Which step of a restoration is to be taken back, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from morphsep.errors import SettingError
from morphsep.request.amount import parse_time
from morphsep.request.restoration import ALL_STEPS

if TYPE_CHECKING:
    from morphsep.dsp import Seconds

ALL_BACK = "none"
"""In the place of a step: whatever was taken back before is there again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revert:
    """A step that is taken back."""

    step: str
    times: tuple[Seconds, Seconds] | None = None
    """From where to where; None: everywhere."""


def parse_revert(text: str) -> Revert:
    """From what a user writes: ``declick``, or ``declick:0:10-0:12.5``.

    >>> parse_revert("declick:0:10-0:12.5").times
    (10.0, 12.5)

    Raises:
        SettingError: there is no such step, or no such time.
    """
    step, has_times, rest = text.strip().partition(":")
    first, is_range, last = rest.partition("-")
    if step not in (*ALL_STEPS, ALL_BACK) or (has_times and not is_range) or step + rest == "":
        raise SettingError(
            f"--revert takes a step ({', '.join(ALL_STEPS)}) and, if wanted, from when to when, "
            f"such as declick:0:10-0:12.5, or none; got {text!r}"
        )
    if not has_times:
        return Revert(step=step)
    times = parse_time(first), parse_time(last)
    if step in ("speed", ALL_BACK) or times[1] <= times[0]:
        raise SettingError(f"--revert {text}: give a later end, and speed as a whole")
    return Revert(step=step, times=times)
