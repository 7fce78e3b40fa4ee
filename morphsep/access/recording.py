"""Provenance of an access copy: what it says of itself, and the record beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from morphsep import provenance
from morphsep.access.earlier import MADE
from morphsep.access.parts import AccessCopy, Part
from morphsep.audio import Origin
from morphsep.manifest import File
from morphsep.provenance import Event, Tool
from morphsep.storage import digest_file, location

UNKNOWN = "unknown"
"""The version of what did a step that versions of morphsep before left no note of."""


def origin_of(copy: AccessCopy) -> Origin | None:
    """What the file says of where it comes from; nothing where it is its master's sound."""
    if not copy.kept:
        return None
    return Origin(
        source_type=provenance.source_type(is_generated=copy.is_generated),
        agent=f"morphsep {version('morphsep')}", done=copy.history,
    )  # fmt: skip


def write_record(copy: AccessCopy, path: Path, digest: str, new: Callable[[str], Path]) -> File:
    """Writes the record of what was done.

    Args:
        path: of the access copy that was written.
        digest: of its bytes.
        new: see `morphsep.access.together`.
    """
    name = provenance.sidecar_name(copy.track)
    place = new(name)
    provenance.write_sidecar(location(place), list(_events(copy, path, digest)))
    return File(path=name, sha256=digest_file(place))


def _events(copy: AccessCopy, path: Path, digest: str) -> Iterator[Event]:
    """What happened, in order."""
    master, now = _master(copy), datetime.now(UTC)
    tools = (_tool("morphsep"),)
    made = _file(copy.track, digest, copy.form.format, copy.form.subtype, path.stat().st_size)
    differences = [_difference(copy, part) for part in copy.parts]
    sources = [master]
    for part, difference in zip(copy.parts, differences, strict=True):
        yield _step(part, sources, difference)
        sources += filter(None, [difference])
    yield from copy.made_before
    yield Event(
        type="fixity check", name="the master is what it was", at=now, tools=tools,
        note="its SHA-256 is the same before and after", sources=(master,),
    )  # fmt: skip
    yield Event(
        type="creation", name=MADE, at=now, tools=tools,
        note="master + differences, sample for sample",
        settings={"reverted": _reverted(copy)} if _reverted(copy) else {},
        sources=(master, *_kept(copy, differences)), outcomes=(made,),
    )  # fmt: skip


def _kept(
    copy: AccessCopy, differences: Sequence[provenance.File | None]
) -> Iterator[provenance.File]:
    """The differences that are not taken back altogether."""
    for part, difference in zip(copy.parts, differences, strict=True):
        if difference is not None and not part.is_taken_back:
            yield difference


def _step(
    part: Part, sources: Sequence[provenance.File], difference: provenance.File | None
) -> Event:
    """A step, done to a master and what the steps before it added."""
    done = part.done
    versions = done.versions or {"morphsep": UNKNOWN}
    return Event(
        type="modification", name=done.step, at=datetime.fromtimestamp(done.at, UTC),
        tools=tuple(Tool(name=name, version=version) for name, version in versions.items()),
        note=done.summary, settings={"fingerprint": done.fingerprint, "options": done.options},
        findings=done.findings, sources=tuple(sources),
        outcomes=() if difference is None else (difference,),
    )  # fmt: skip


def _reverted(copy: AccessCopy) -> dict[str, list[list[int]]]:
    """Where which step was taken back: first sample, and the one after the last."""
    return {
        part.done.step: [[span.start, span.stop] for span in part.layer.reverted]
        for part in copy.parts
        if part.layer.reverted
    }


def _master(copy: AccessCopy) -> provenance.File:
    scan = copy.scan
    return provenance.File(
        name=f"{_beside(copy.track)} (master)", digests={"SHA-256": scan.content_hash},
        format=scan.format, coding=scan.subtype, size=Path(copy.master.local).stat().st_size,
        original_name=copy.master.given,
    )  # fmt: skip


def _difference(copy: AccessCopy, part: Part) -> provenance.File | None:
    name, written, place = copy.difference_name(part), part.done.written, part.layer.difference
    if name is None or written is None or place is None:
        return None
    is_flac = name.endswith(".flac")
    return _file(name, written.sha256, "FLAC" if is_flac else "WAV", "", place.size())


def _file(path: str, sha256: str, format_: str, coding: str, size: int) -> provenance.File:
    return provenance.File(
        name=_beside(path), digests={"SHA-256": sha256}, format=format_, coding=coding, size=size
    )


def _beside(path: str) -> str:
    """How a file is called from where the record lies."""
    return path.rpartition("/")[2]


def _tool(name: str) -> Tool:
    return Tool(name=name, version=version(name))
