"""Who listens: a name by chance, and how far they are. What they answer lies elsewhere.

    TEST/listeners/NAME.json     consent: when and to which text; headphone checks, training

Nobody is asked who they are. The browser keeps a secret in a cookie; the name is a digest of it, so
that who reads results cannot go on as somebody else.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from morphsep.errors import SettingError
from morphsep.evaluation.listening import RESULTS, Answer
from morphsep.storage import digest

if TYPE_CHECKING:
    from morphsep.storage import Location

LISTENERS = "listeners"
PASSED = 5
"""Right answers of six that a listener with headphones gives; by chance one in 56 does."""

Answered = tuple[str, str]
"""Trial and stimulus."""


@dataclass(slots=True, kw_only=True)
class Listener:
    """One listener of a test, who has agreed to take part."""

    name: str
    consented_at: str
    consent: str
    """Digest of the text that was agreed to."""
    headphones: list[int] = field(default_factory=list)
    """Right answers of each headphone check."""
    trained: list[str] = field(default_factory=list)
    """Trials that were for training; their answers are not kept."""

    @property
    def has_headphones(self) -> bool:
        """Whether a check was passed."""
        return any(right >= PASSED for right in self.headphones)


def new_secret() -> str:
    """What a new listener's cookie holds."""
    return secrets.token_hex(16)


def name_of(secret: str) -> str:
    """The name of the listener whose cookie holds this."""
    return digest("listener", secret)[:12]


def now() -> str:
    """ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def read_listeners(folder: Location) -> dict[str, Listener]:
    """The listeners of the test in `folder`, by name.

    Raises:
        SettingError: a file of them is damaged.
    """
    found = {}
    for place in (folder / LISTENERS).children(".json"):
        try:
            listener = Listener(**(place.read_json() or {}))
        except (ValueError, TypeError) as error:
            raise SettingError(
                f"{place} is damaged ({error}); remove it: its listener begins anew, under another "
                "name"
            ) from error
        found[listener.name] = listener
    return found


def write_listener(folder: Location, listener: Listener) -> None:
    """Keeps how far somebody is."""
    _write(folder / LISTENERS / f"{listener.name}.json", None, asdict(listener))


def append_answers(folder: Location, listener: str, answers: Collection[Answer]) -> None:
    """Adds lines to a listener's results: all of them or, whatever happens, none. They are on the
    disk, not only on their way, when this returns."""
    place = folder / RESULTS / f"{listener}.jsonl"
    before = place.read_bytes() if place.exists() else b""
    if before and not before.endswith(b"\n"):
        before += b"\n"
    lines = "".join(answer.line() for answer in answers).encode()
    _write(place, before + lines, None)


def _write(place: Location, data: bytes | None, value: object) -> None:
    if data is None:
        place.write_json(value)
    else:
        place.write_bytes(data)
    # the file is on the disk; its name is only once the folder is
    descriptor = os.open(place.parent.path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
