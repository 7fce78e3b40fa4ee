"""One repair of one recording, in the work directory: done once, and found again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any, cast

from morphsep.access.depth import Depth
from morphsep.access.differences import Written, between, is_whole, write_difference
from morphsep.access.layers import Layer
from morphsep.access.sounds import Sound
from morphsep.dsp import Seconds
from morphsep.morphing import Repair
from morphsep.restoration import Resizing, repaired
from morphsep.stages import exactly, keep, recall
from morphsep.storage import Location

VERSION = 1
"""Of the notes."""
LIBRARIES = {"declick": ("grooveclean",)}
"""Programs of others that a step uses, by their packages' names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a step has found and done; kept beside its difference, and written last."""

    step: str
    fingerprint: str
    findings: Mapping[str, Any]
    summary: str
    """The findings in a sentence."""
    written: Written | None
    """None where the step changes the length."""
    seconds: Seconds
    at: float
    """When it was finished, s since 1970."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The values of its options."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of the programs that did it, by their packages' names; empty in notes of before."""

    def layer(self, folder: Location, repair: Repair | None = None) -> Layer:
        """The step as a part of an access copy, with its difference where `do` wrote it."""
        place = folder / self.written.name if self.written else None
        return Layer(step=self.step, difference=place, repair=repair)


def do(
    repair: Repair, sound: Sound, folder: Location, depth: Depth, reach: Callable[[int], None]
) -> Done:
    """Looks at a sound and writes what a repair adds to it to a folder, unless it lies there.

    Args:
        reach: told up to which sample it has come.

    Raises:
        TrackError: the disk is full.
    """
    known = whole_in(folder)
    if known is not None:
        return known
    began = time.perf_counter()
    findings = repair.look(sound)
    written = None
    if not isinstance(repair, Resizing):
        difference = between(sound, repaired(sound, repair, findings), depth)
        written = write_difference(folder, sound.info, difference, depth, reach)
    done = Done(
        step=repair.name, fingerprint=repair.fingerprint(), findings=findings.to_json(),
        summary=findings.summary(), written=written, seconds=time.perf_counter() - began,
        at=time.time(), options=asdict(cast(Any, repair)), versions=versions_of(repair.name),
    )  # fmt: skip
    keep_done(folder, done)
    return done


def versions_of(step: str) -> dict[str, str]:
    """Of the programs that do a step."""
    return {name: version(name) for name in ("morphsep", *LIBRARIES.get(step, ()))}


def keep_done(folder: Location, done: Done) -> None:
    """Declares a step finished."""
    keep(_note(folder), VERSION, asdict(done))


def done_in(folder: Location) -> Done | None:
    """What a step did whose difference lies in a folder; None if it is not finished."""
    done = recall(_note(folder), VERSION, _parse)
    if done is None or done.written is None:
        return done
    return done if (folder / done.written.name).exists() else None


def whole_in(folder: Location) -> Done | None:
    """The same, and None if its difference is not what was written."""
    done = done_in(folder)
    if done is None or done.written is None:
        return done
    return done if is_whole(folder / done.written.name, done.written.sha256) else None


def discard(folder: Location) -> None:
    """Removes what a step did; the note first, so that nothing half removed passes for whole."""
    _note(folder).remove()
    folder.remove_tree()


def _parse(values: dict[str, Any]) -> Done:
    written = values["written"]
    values = {"options": {}, "versions": {}} | values
    return exactly(Done, values | {"written": exactly(Written, written) if written else None})


def _note(folder: Location) -> Location:
    return folder / "done.json"
