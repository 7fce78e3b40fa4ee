"""The page about an access copy, and the one about all of them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from morphsep import audio, manifest, provenance, report
from morphsep.access.checking import Checked, Compared
from morphsep.access.differences import difference_name
from morphsep.access.parts import AccessCopy, Part
from morphsep.dsp import dbfs
from morphsep.manifest import File, TrackRow
from morphsep.report import Check, FileEntry, IndexRow, Measure, Place, Restored, StepDone
from morphsep.request import ALL_STEPS
from morphsep.restoration import DeclickFindings, findings_from_json, noise_level
from morphsep.stages import Assembled, Scan
from morphsep.storage import Location, digest_file, location

FOLDER = "report"
INDEX = "index.html"
UNITS = {"cents": "cents", "ms": "ms", "f1": "", "db": "dB"}


def write_report(
    copy: AccessCopy, made: Assembled, checked: Checked, files: Sequence[File],
    note: str, new: Callable[[str], Path],
) -> File:  # fmt: skip
    """Writes the page about an access copy.

    Args:
        files: it, and what lies beside it.
        note: what is to be known of its master; may be empty.
        new: see `morphsep.access.together`.
    """
    name = f"{FOLDER}/{report.page_name(copy.track)}"
    place = new(name)
    with ExitStack() as stack:
        before, after = stack.enter_context(copy.sound(0)), stack.enter_context(copy.sound())
        restored = Restored(
            name=copy.track, facts=list(_facts(copy, note)), before=before, after=after,
            stretch=after.info.num_samples / max(before.info.num_samples, 1),
            bandwidth_hz=checked.band.high_hz or None,
            steps=[_step(copy, part, stack) for part in copy.parts],
            measures=[
                *_measures(copy.scan, made),
                Measure(
                    name="noise floor", unit="dBFS", before=noise_level(before),
                    after=noise_level(after),
                ),
                Measure(
                    name="surviving band, up to", unit="Hz", before=checked.band.high_hz,
                    after=None, digits=0,
                ),
            ],
            checks=[check for each in checked.compared for check in _checks(each)],
            files=[FileEntry(role="master", name=copy.master.given, sha256=copy.scan.content_hash)]
            + [FileEntry(role="written", name=file.path, sha256=file.sha256) for file in files],
            commands=list(_commands(copy)),
        )  # fmt: skip
        report.write_page(location(place), restored, home="../" * copy.track.count("/") + INDEX)
    return File(path=name, sha256=digest_file(place))


def names_beside(track: str) -> list[str]:
    """Paths below OUT of all that may lie beside an access copy."""
    differences = [
        difference_name(track, step, written)
        for step in ALL_STEPS
        for written in ("a.flac", "a.wav")
    ]
    page = f"{FOLDER}/{report.page_name(track)}"
    return [*differences, provenance.sidecar_name(track), page]


def write_index(out: Location) -> None:
    """Writes the page about all access copies of a folder."""
    rows = [row for row in manifest.read_tracks(out) if row.steps is not None or row.status != "ok"]
    report.write_index(out / FOLDER / INDEX, map(_index_row, rows))


def _index_row(row: TrackRow) -> IndexRow:
    checks = json.loads(row.checks or "{}")
    return IndexRow(
        name=row.track, status=row.status, message=row.message or "",
        steps=(row.steps or "").split(",") if row.steps else (), seconds=row.duration,
        num_checks=sum(len(each["found"]) for each in checks.values()),
        has_page=row.status == "ok",
    )  # fmt: skip


def _facts(copy: AccessCopy, note: str) -> Iterator[tuple[str, str]]:
    scan = copy.scan
    channels = {1: "mono", 2: "stereo"}.get(scan.num_channels, f"{scan.num_channels} channels")
    yield "master", copy.master.given
    yield "format", f"{scan.format} {scan.subtype}, {scan.sample_rate} Hz, {channels}"
    yield "access copy", f"{copy.form.format} {copy.form.subtype}"
    if note:
        yield "note", note


def _step(copy: AccessCopy, part: Part, stack: ExitStack) -> StepDone:
    done, difference = part.done, None
    if part.layer.difference is not None:
        path = stack.enter_context(part.layer.difference.reading())
        difference = stack.enter_context(audio.AudioReader(str(path)))
    peak = done.written.peak if done.written else 0.0
    return StepDone(
        name=done.step, summary=done.summary, settings=done.fingerprint,
        findings={name: value for name, value in done.findings.items() if _is_short(value)},
        difference=difference, difference_name=copy.difference_name(part) or "",
        num_changed=done.written.num_changed if done.written else None,
        peak_dbfs=dbfs(peak) if peak else None, places=list(_places(part)),
    )  # fmt: skip


def _is_short(value: Any) -> bool:
    return not isinstance(value, (list, dict)) or len(value) <= 20


def _places(part: Part) -> Iterator[Place]:
    """The worst repairs, where they are known by place."""
    if part.done.step != DeclickFindings.step or "start" not in part.done.findings:
        return
    found = findings_from_json(part.done.findings)
    assert isinstance(found, DeclickFindings)
    for each in found.worst():
        yield Place(
            start=each.start, length=each.length, channel=each.channel, size_db=each.size_db
        )


def _measures(scan: Scan, made: Assembled) -> Iterator[Measure]:
    yield Measure(name="loudness", unit="LUFS", before=scan.lufs, after=made.lufs)
    yield Measure(name="peak", unit="dBFS", before=dbfs(scan.peak), after=dbfs(made.peak))
    yield Measure(
        name="true peak", unit="dBTP", before=dbfs(scan.true_peak), after=dbfs(made.true_peak)
    )


def _checks(each: Compared) -> Iterator[Check]:
    found, bounds = asdict(each.found), asdict(each.bounds)
    for name, value in found.items():
        words, _, unit = name.rpartition("_")
        bound = bounds[name]
        yield Check(
            name=f"{words.replace('_', ' ')} ({each.what})",
            bound=f"{bound:g} {UNITS[unit]}".strip() if bound != float("inf") else "any",
            value=f"{value:.3g} {UNITS[unit]}".strip(),
            is_kept=each.holds(name),
        )  # fmt: skip


def _commands(copy: AccessCopy) -> Iterator[tuple[str, str]]:
    asked = ["morphsep", "restore", copy.master.given, "-o", copy.out.text]
    for part in copy.parts:
        command = f"{shlex.join(asked)} --revert"
        yield f"without {part.done.step}", f"{command} {part.done.step}"
    if copy.parts and copy.parts[0].layer.difference is not None:
        step = copy.parts[0].done.step
        yield f"without {step} from 0:10 to 0:12", f"{command} {step}:0:10-0:12"
