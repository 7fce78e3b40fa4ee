"""A job: one input, and what is to be made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from morphsep.errors import ErrorCode
from morphsep.request.settings import Settings

Command = Literal["morph", "separate", "generate", "restore"]
"""What is to be made of an input: the changed song, its guitar and backing, rows of a data set, or
an access copy."""
Refusal = tuple[ErrorCode, str]
"""Why an input will not be done: a code, and a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One input and what is to be done with it."""

    track: str
    """The output's path below OUT, with forward slashes; the track's identity."""
    path: str
    """The input: an absolute path, or a URI."""
    settings: Settings
    separator_reason: str = "asked for"
    refusal: Refusal | None = None
    """Why it will not be done, where its name alone says so."""
    refused_as: str = "failed"
    """The status of a refused job's row: failed or skipped."""
    list_columns: str | None = None
    """What its row of a list says besides settings, as JSON, for the manifest."""


def backing_of(track: str) -> str:
    """The backing's path below OUT, where `track` is the guitar's."""
    before, _, after = track.rpartition(".guitar")
    return f"{before}.backing{after}"
