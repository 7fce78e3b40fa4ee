"""What a user asks of `morphsep restore`, besides the tone of the guitar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from morphsep.errors import SettingError

STEPS = ("declick", "dehum", "dehiss", "speed")
"""The repairs, in the order in which they are done."""
TIMBRE = "timbre"
"""Morphing the guitar, as a step: the last one."""
ALL_STEPS = (*STEPS, TIMBRE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """Which repairs are done, and how; what this does not say is each repair's own default."""

    steps: tuple[str, ...] = ()
    """Names of `STEPS`, in their order."""
    options: tuple[tuple[str, str], ...] = ()
    """(STEP.NAME, value) of the repairs' own options, in the order of their names."""
    bounds: tuple[tuple[str, str], ...] = ()
    """(name, value) of what may change more, or less, than by itself."""
    extend: bool = False
    """Whether sound may be added above what the recording holds."""
    anyway: bool = False
    """Whether masters are repaired that speak against it (a lossy one)."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Restoration:
        """From what `dataclasses.asdict` and JSON made of one.

        Raises:
            TypeError: there are other values in it.
        """
        pairs = {
            field: tuple((str(name), str(value)) for name, value in values.get(field, ()))
            for field in ("options", "bounds")
        }
        return cls(**{**values, "steps": tuple(values.get("steps", ())), **pairs})

    def of_step(self, step: str) -> dict[str, str]:
        """The options of one repair, by their names."""
        pairs = ((name.partition("."), value) for name, value in self.options)
        return {name: value for (of, _, name), value in pairs if of == step}


def parse_steps(text: str) -> tuple[str, ...]:
    """The repairs that a user names, with commas between them, in the order of `STEPS`.

    >>> parse_steps("dehum, declick")
    ('declick', 'dehum')

    Raises:
        SettingError: there is no such repair.
    """
    named = [part.strip().lower() for part in text.split(",") if part.strip()]
    if named == ["none"]:
        return ()
    unknown = sorted(set(named) - set(STEPS))
    if unknown or not named:
        raise SettingError(
            f"--steps takes {', '.join(STEPS)} with commas between them, or none, got {text!r}"
        )
    return tuple(step for step in STEPS if step in named)
