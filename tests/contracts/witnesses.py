"""Separators, backends and steps that leave a note of what they do, and in which process.

A note is an empty file, its name what was done and by whom. Whoever has a gathering to attend
waits until as many workers are there as were asked for: who is at work is then no matter of luck.
"""

from __future__ import annotations

import os
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from morphsep.backends.backend import Passage
from morphsep.backends.crossfade import Crossfade
from morphsep.dsp.signal import Signal
from morphsep.separators.none import NoSeparation
from morphsep.separators.separator import Mix

FOLDER = "MORPHSEP_WITNESSED"
"""The variable of the environment that says where the notes of plugins go."""
GATHERED = 2
"""Workers of a pool that plugins wait for."""
PAUSE = 0.2
"""Seconds that a plugin takes after that: time for the others to be given a record, too."""
PATIENCE = 40.0
"""Seconds that anybody waits for others; nobody waits where a test passes."""


def install(folder: Path) -> Path:
    """Makes the plugins below known to whoever has `folder` on its path."""
    info = folder / "witnesses-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: witnesses\nVersion: 0\n")
    (info / "entry_points.txt").write_text(
        "[morphsep.separators]\n"
        "heavy = tests.contracts.witnesses:Heavy\n"
        "held = tests.contracts.witnesses:Held\n"
        "noted = tests.contracts.witnesses:Noted\n"
        "[morphsep.backends]\n"
        "heavy = tests.contracts.witnesses:HeavyBackend\n"
    )
    return folder


def note(folder: Path, what: str, about: object = "") -> None:
    """Leaves one."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "all")
    (folder / f"{what}_{os.getpid()}_{visible}_{about}_{secrets.token_hex(4)}").touch()


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """What was left by whom."""

    pid: int
    gpus: str
    """The worker's CUDA_VISIBLE_DEVICES."""
    about: str


def notes(folder: Path, what: str) -> list[Note]:
    """All of a kind."""
    found = [path.name.split("_") for path in folder.iterdir()]
    return sorted(Note(int(n[1]), n[2], n[3]) for n in found if n[0] == what)


def pids(folder: Path, what: str) -> Counter[int]:
    """How many of a kind each process has left."""
    return Counter(one.pid for one in notes(folder, what))


def gather(folder: Path, what: str, number: int) -> int:
    """Waits until so many processes have left a note, and says how many have."""
    late = folder / f"late-{what}_0___"  # one who waited in vain is enough
    deadline = time.monotonic() + PATIENCE
    while (here := len(pids(folder, what))) < number and not late.exists():
        if time.monotonic() > deadline:
            late.touch()
        time.sleep(0.02)
    return here


@dataclass(kw_only=True)
class Step:
    """A step's callable that builds something at its first record, which does not travel."""

    folder: Path
    number: int = 1
    """Workers that every record waits for."""
    pause: float = 0.0
    """Seconds that a record takes after that: time for a pool to grow, if it would."""
    built: bool = False

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"built": False}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        note(self.folder, "starts")

    def __call__(self, record: int) -> list[int]:
        if not self.built:
            note(self.folder, "builds")
            self.built = True
        note(self.folder, "does", record)
        gather(self.folder, "starts", self.number)
        time.sleep(self.pause)
        return [record]


class Heavy(NoSeparation):
    """The separator `none`, with weights."""

    name = "heavy"
    description = "counts"
    weights_hash = "0" * 64

    def __init__(self) -> None:
        self._is_loaded = False

    def __getstate__(self) -> dict[str, Any]:
        return {"_is_loaded": False}

    def fingerprint(self) -> str:
        return "heavy/1"

    def separate(self, mix: Mix, start: int, stop: int) -> Signal:
        folder = Path(os.environ[FOLDER])
        if not self._is_loaded:
            note(folder, "separator loads")
            self._is_loaded = True
        note(folder, "separates", start)
        gather(folder, "separates", GATHERED)
        time.sleep(PAUSE)
        return super().separate(mix, start, stop)


class Held(NoSeparation):
    """The separator `none`, which comes to an end only when it is let go."""

    name = "held"
    description = "waits"

    def separate(self, mix: Mix, start: int, stop: int) -> Signal:
        folder = Path(os.environ[FOLDER])
        note(folder, "held")
        deadline = time.monotonic() + 3 * PATIENCE
        while not (folder / "released_0___").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        return super().separate(mix, start, stop)


class Noted(NoSeparation):
    """The separator `none`, which takes long enough to be asked twice."""

    name = "noted"
    description = "counts"

    def separate(self, mix: Mix, start: int, stop: int) -> Signal:
        note(Path(os.environ[FOLDER]), "noted", start)
        time.sleep(2.0)
        return super().separate(mix, start, stop)


@dataclass(frozen=True, kw_only=True)
class HeavyBackend(Crossfade):
    """The backend `crossfade`, with weights."""

    device: str = "auto"
    loaded: list[bool] = field(default_factory=list)

    @property
    def name(self) -> str:
        return "heavy"

    def fingerprint(self) -> str:
        return "heavy/1"

    def morph(self, passages: Sequence[Passage]) -> list[Signal]:
        folder = Path(os.environ[FOLDER])
        if not self.loaded:
            note(folder, "backend loads")
            self.loaded.append(True)
        note(folder, "morphs", passages[0].start)
        gather(folder, "morphs", GATHERED)
        time.sleep(PAUSE)
        return super().morph(passages)
