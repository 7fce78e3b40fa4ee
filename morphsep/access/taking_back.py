"""``morphsep restore --revert``: an access copy made anew without a step, or without some of it,
from its master and the differences that lie beside it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from morphsep import manifest, storage
from morphsep.access.copying import write_copy
from morphsep.access.from_rows import copy_of
from morphsep.access.parts import AccessCopy, Part
from morphsep.access.rows import step_rows
from morphsep.access.together import remove_left_over
from morphsep.errors import MorphsepError
from morphsep.manifest import TrackRow
from morphsep.request import Revert
from morphsep.stages import Workspace
from morphsep.storage import Location

log = logging.getLogger("morphsep")


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """What became of one access copy."""

    track: str
    message: str
    status: str = "ok"
    """ok, skipped (it has no such step) or failed."""


def take_back(out: Location, rows: Sequence[TrackRow], asked: Sequence[Revert]) -> list[TakenBack]:
    """Makes access copies anew without what is taken back.

    Args:
        rows: of the access copies, from the manifest.

    Raises:
        SettingError: a run is at work there.
        OSError: the manifest cannot be written.
    """
    workspace = Workspace.of_last_run(out)
    steps = manifest.steps_by_track(out, rows)
    chunks = dict(manifest.chunks_by_track(out, rows))
    with workspace.locked(), storage.private_folder(workspace.room_for_readers) as folder:
        done = []
        for row in rows:
            try:
                copy = copy_of(out, row, steps.get(row.track, []), folder / row.track, asked)
                done.append(_written(copy, row, chunks.get(row.track, [])) if copy else _none(row))
            except Exception as error:
                done.append(_failed(row, error))
        manifest.compact(out)
    return done


def _failed(row: TrackRow, error: Exception) -> TakenBack:
    storage.check_interrupt()  # or what it broke off would count as the copy's fault
    if not isinstance(error, MorphsepError):
        log.exception("%s", row.track)
    message = str(error) or type(error).__name__
    return TakenBack(track=row.track, message=message, status="failed")


def _none(row: TrackRow) -> TakenBack:
    return TakenBack(track=row.track, message="it has no such step", status="skipped")


def _written(copy: AccessCopy, row: TrackRow, chunks: Sequence[manifest.ChunkRow]) -> TakenBack:
    """Writes an access copy, and its rows."""
    row = replace(row, **write_copy(copy, lambda sample: None))
    steps = step_rows(copy, row.key or "")
    row = manifest.commit(copy.out, row, chunks, steps, after=row.finished_ns)
    remove_left_over(copy.out, row)
    rate = copy.scan.sample_rate
    told = [f"{part.done.step} {_told(part, rate)}" for part in copy.parts if part.layer.reverted]
    return TakenBack(
        track=row.track, message=f"without {'; '.join(told)}" if told else "with all of its steps"
    )


def _told(part: Part, rate: int) -> str:
    if part.is_taken_back:
        return "(all of it)"
    spans = (f"{span.start / rate:g}-{span.stop / rate:g} s" for span in part.layer.reverted)
    return f"at {', '.join(spans)}"
