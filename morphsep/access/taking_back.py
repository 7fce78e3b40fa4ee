"""``morphsep restore --revert``: an access copy made anew without a step, or without some of it,
from its master and the differences that lie beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from morphsep import audio, manifest, storage
from morphsep.access.copying import write_copy
from morphsep.access.differences import Written
from morphsep.access.doing import Done
from morphsep.access.layers import Layer
from morphsep.access.parts import AccessCopy, Part
from morphsep.access.reverting import merged
from morphsep.access.rows import step_rows
from morphsep.dsp import Seconds, Span, from_db, samples
from morphsep.errors import SettingError, TrackError
from morphsep.manifest import StepRow, TrackRow
from morphsep.morphing import Repair, build_repairs
from morphsep.request import ALL_BACK, Revert, parse_settings
from morphsep.stages import Readable, Workspace, scan
from morphsep.storage import Location


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
                copy = _copy(out, row, steps.get(row.track, []), asked, folder / row.track)
                done.append(_written(copy, row, chunks.get(row.track, [])) if copy else _none(row))
            except TrackError as error:
                done.append(TakenBack(track=row.track, message=error.message, status="failed"))
        manifest.compact(out)
    return done


def _none(row: TrackRow) -> TakenBack:
    return TakenBack(track=row.track, message="it has no such step", status="skipped")


def _written(
    copy: AccessCopy, row: TrackRow, chunks: Sequence[manifest.ChunkRow]
) -> TakenBack:
    """Writes an access copy, and its rows."""
    row = replace(row, **write_copy(copy, lambda sample: None))
    steps = step_rows(copy, row.key or "")
    manifest.commit(copy.out, row, chunks, steps, after=row.finished_ns)
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


def _copy(
    out: Location, row: TrackRow, steps: Sequence[StepRow], asked: Sequence[Revert], scratch: Path
) -> AccessCopy | None:
    """The access copy that is to be written; None if it has none of the steps.

    Raises:
        TrackError: its master is not what it was, or a step cannot be taken back by itself.
    """
    wanted = {revert.step for revert in asked} - {ALL_BACK}
    if not steps or (wanted and wanted.isdisjoint(step.step for step in steps)):
        return None
    settings = parse_settings(row.settings or "")
    master = Readable(row.input, scratch, settings.channels)
    source = scan(master, Workspace.of_last_run(out))
    if source.content_hash != row.content_hash:
        raise TrackError(
            "changed_while_read",
            f"{row.input} is not the master that this was made from; put that back",
        )
    form = audio.OutputFormat(
        format=row.output_format or "", subtype=row.output_subtype or "", extension=""
    )
    repairs = {repair.name: repair for repair in build_repairs(settings.restoration)}
    parts = [_part(out, row, step, repairs.get(step.step), asked) for step in steps]
    _check(parts)
    return AccessCopy(
        out=out, track=row.track, master=master, scan=source, form=form, parts=parts
    )


def _check(parts: Sequence[Part]) -> None:
    by_step = {part.done.step: part for part in parts}
    speed, timbre = by_step.get("speed"), by_step.get("timbre")
    if speed and timbre and speed.is_taken_back and not timbre.is_taken_back:
        raise TrackError(
            "format_not_possible",
            "the guitar was morphed at the new speed: take timbre back with it, or restore it "
            "again without --speed",
        )


def _part(
    out: Location, row: TrackRow, step: StepRow, repair: Repair | None, asked: Sequence[Revert]
) -> Part:
    """A step as its row says it, taken back as asked.

    Raises:
        TrackError: this version of morphsep does not change the length as that one did.
    """
    if step.difference is None and (repair is None or repair.fingerprint() != step.settings):
        raise TrackError(
            "worker_lacks",
            f"{step.step} was done by another version ({step.settings}), and has no difference; "
            "restore it again with --force",
        )
    length = row.num_samples or 0
    if step.step == "timbre":
        length += row.tail_samples or 0
    reverted = _spans(step, asked, length, row.sample_rate or 1)
    place = out / step.difference if step.difference else None
    return Part(
        done=_done(step),
        layer=Layer(step=step.step, difference=place, repair=repair, reverted=tuple(reverted)),
        is_taken_back=reverted == [Span(0, length)],
    )


def _spans(step: StepRow, asked: Sequence[Revert], length: int, rate: int) -> list[Span]:
    """Where a step is taken back: as before, and as asked."""
    found = [Span(*span) for span in json.loads(step.reverted or "[]")]
    for revert in asked:
        if revert.step == ALL_BACK:
            found = []
        elif revert.step == step.step:
            first, last = revert.times or (0.0, float("inf"))
            start = min(round(first * rate), length)
            found.append(Span(start, length if last == float("inf") else min(round(last * rate), length)))
    return merged(span for span in found if span.num_samples > 0)


def _done(step: StepRow) -> Done:
    written = None
    if step.difference is not None:
        written = Written(
            name=step.difference.rpartition("/")[2], sha256=step.difference_hash or "",
            num_changed=step.num_changed or 0,
            peak=0.0 if step.peak_dbfs is None else from_db(step.peak_dbfs),
        )  # fmt: skip
    return Done(
        step=step.step, fingerprint=step.settings or "", findings=json.loads(step.findings or "{}"),
        summary=step.summary or "", written=written, seconds=step.seconds,
        at=step.finished_ns / 1e9,
    )  # fmt: skip
