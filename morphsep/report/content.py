"""What a report is made of. Texts are shown as they are, whatever they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from morphsep.dsp import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A repair, in samples of the master."""

    start: int
    length: int
    channel: int = 0
    size_db: float
    """RMS of what was removed, dBFS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDone:
    """What a step did."""

    name: str
    summary: str
    """In a sentence."""
    settings: str = ""
    findings: Mapping[str, Any] = field(default_factory=dict)
    """As JSON can say them; long lists are shortened."""
    difference: Reader | None = None
    """What it added, sample for sample with the master; None where it changed the length."""
    difference_name: str = ""
    num_changed: int | None = None
    """Samples, all channels together."""
    peak_dbfs: float | None = None
    """Of the difference."""
    places: Sequence[Place] = ()
    """Its worst repairs, the worst first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A quantity of the sound before and after; None where it was not or cannot be measured."""

    name: str
    unit: str
    before: float | None
    after: float | None
    digits: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Something that must not change, or by no more than a bound."""

    name: str
    bound: str
    value: str
    is_kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """A file and its digest."""

    role: str
    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """All that a page says of one recording."""

    name: str
    status: Literal["ok", "failed"] = "ok"
    message: str = ""
    """Why it failed, or a warning."""
    facts: Sequence[tuple[str, str]] = ()
    """(what, value): format, rate, length, where it came from."""
    before: Reader
    after: Reader | None
    """None if no access copy was made."""
    stretch: float = 1.0
    """Samples of the access copy for each of the master: other than 1 after the step speed."""
    bandwidth_hz: float | None = None
    """Up to which the master's sound has survived."""
    steps: Sequence[StepDone] = ()
    measures: Sequence[Measure] = ()
    checks: Sequence[Check] = ()
    files: Sequence[FileEntry] = ()
    commands: Sequence[tuple[str, str]] = ()
    """(what for, the command): how a step is taken back, ..."""
