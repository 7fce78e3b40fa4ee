"""What happened to a recording: events, the files that they read and made, the programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

EventType = Literal[
    "creation", "fixity check", "message digest calculation", "metadata modification",
    "modification", "validation",
]  # fmt: skip
"""Terms of the Library of Congress' list of preservation events that are used here."""
Outcome = Literal["success", "warning", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file, or the sound in it or between two steps."""

    name: str
    """Of a file as it lies beside the record; no two things have the same."""
    digests: Mapping[str, str]
    """By algorithm (SHA-256, MD5), in hex."""
    format: str = ""
    """WAV, FLAC, ..."""
    coding: str = ""
    """PCM_24, ..."""
    size: int | None = None
    """Bytes."""
    original_name: str = ""
    """Where the user had it."""
    is_sound: bool = False
    """The samples alone, which need not lie in a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A program."""

    name: str
    """As its package is called on PyPI."""
    version: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that was done."""

    type: EventType
    name: str
    """Which step or check it was."""
    at: datetime
    """With its time zone."""
    tools: tuple[Tool, ...]
    outcome: Outcome = "success"
    note: str = ""
    """About the outcome, a sentence."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """As JSON can say them."""
    findings: Mapping[str, Any] = field(default_factory=dict)
    """What was measured or done, as JSON can say it."""
    sources: tuple[File, ...] = ()
    outcomes: tuple[File, ...] = ()
