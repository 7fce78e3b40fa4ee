"""Every track of an output folder is checked, wherever there are workers; each gets an answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from morphsep import manifest, storage
from morphsep.errors import MorphsepError
from morphsep.manifest import TrackRow
from morphsep.run.executors import Executor, Pool, Step, choose_executor, get_executor
from morphsep.run.status import may_be_at_work
from morphsep.run.verification.finding import Finding, unchecked
from morphsep.run.verification.results import result_findings
from morphsep.run.verification.rows import leftovers, row_findings, tiling
from morphsep.run.verification.samples import Check, untouched
from morphsep.run.workers import workers_for_durations
from morphsep.storage import Location, location

SPEED = 150.0
"""Seconds of audio that are checked in a second (docs/reference/benchmarks.md)."""
LOOKS = 3
"""Times that a track is looked at again because a run has finished it anew meanwhile."""
PAUSE = 2.0
"""Seconds within which a run that has replaced a result commits its row."""

log = logging.getLogger("morphsep")


def verify(
    out: str | Path | Location, executor: str = "local", pool: Pool | None = None
) -> tuple[int, list[Finding]]:
    """(tracks checked, what does not hold) of everything in an output folder.

    A track that could not be checked is a finding, too, with no promise. A run may be at work
    there: neither disturbs the other, and what it finishes meanwhile is checked as it is then.

    Args:
        executor: where the tracks are read and compared: auto, local or ray.
        pool: the cluster and its workers, which have to see the inputs; None: this process alone.

    Raises:
        SettingError: an unknown executor, or there is no such cluster.
        OSError: the manifest cannot be read.
    """
    place, pool = location(out), pool or Pool(max_workers=1)
    executor = choose_executor(executor, pool)
    execute = get_executor(executor)
    rows = {row.track: row for row in manifest.read_tracks(place)}
    if executor == "local":
        done = [row.duration or 0.0 for row in rows.values() if row.status == "ok"]
        pool = replace(pool, max_workers=workers_for_durations(done, SPEED, pool))
    findings = [*row_findings(list(rows.values())), *leftovers(place)]
    found = _checked(place, list(rows.values()), execute, pool)
    for _ in range(LOOKS):
        newer = _finished_meanwhile(place, [rows[track] for track, some in found.items() if some])
        if not newer:
            break
        rows |= {row.track: row for row in newer}
        found |= {row.track: [] for row in newer}
        found |= _checked(place, newer, execute, pool)
    return len(rows), findings + [one for track in sorted(found) for one in found[track]]


def _checked(
    out: Location, rows: Sequence[TrackRow], execute: Executor, pool: Pool
) -> dict[str, list[Finding]]:
    """What is wrong with each finished track."""
    found: dict[str, list[Finding]] = {}
    checks = []
    done = [row for row in rows if row.status == "ok"]
    steps = manifest.steps_by_track(out, [row for row in done if row.steps is not None])
    for row, chunks in manifest.rows_with_chunks(out, done):
        found[row.track] = [Finding(row.track, *one) for one in tiling(row, chunks)]
        spans = tuple(untouched(row, chunks))
        checks.append(Check(row, spans, tuple(steps.get(row.track, ()))))
    compare = Step(name="compare", call=partial(_compare, str(out)))
    # by track: it can come out twice, if a lost worker's record was given to another
    compared: dict[str, list[Finding]] = dict(execute([compare], checks, pool))
    for track, some in found.items():
        some += compared.get(track, [unchecked(track, "its worker was lost; verify it again")])
    return found


def _compare(out: str, check: Check) -> list[tuple[str, list[Finding]]]:
    """What is wrong with one track's files. Always answers: no track may hide another's."""
    track = check.row.track
    found: list[Finding] = []
    try:
        for promise, message in result_findings(location(out), check):
            found.append(Finding(track, promise, message))
    except Exception as error:
        storage.check_interrupt()
        if not isinstance(error, (OSError, MorphsepError)):
            log.exception("%s: a defect of morphsep, please report it", track)
        found.append(unchecked(track, str(error) or type(error).__name__))
    return [(track, found)]


def _finished_meanwhile(out: Location, suspects: Sequence[TrackRow]) -> list[TrackRow]:
    """The newer rows of these tracks, if a run has committed any since they were read."""
    if not suspects:
        return []
    before = {row.track: row.finished_ns for row in suspects}
    try:
        if may_be_at_work(out):
            time.sleep(PAUSE)
        rows = manifest.read_tracks(out)
    except (OSError, ValueError) as error:  # what was found so far still counts
        storage.check_interrupt()
        log.warning("%s: newer rows could not be read (%s)", out, error)
        return []
    return [row for row in rows if row.finished_ns > before.get(row.track, row.finished_ns)]
