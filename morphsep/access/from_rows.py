"""An access copy that was made before, as the manifest has it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from morphsep import audio
from morphsep.access.differences import Written, is_whole
from morphsep.access.doing import Done
from morphsep.access.earlier import Earlier, earlier
from morphsep.access.layers import Layer
from morphsep.access.parts import AccessCopy, Part
from morphsep.access.reverting import merged
from morphsep.access.track import limits_of
from morphsep.dsp import Seconds, Span, from_db
from morphsep.errors import TrackError
from morphsep.manifest import StepRow, TrackRow
from morphsep.morphing import Repair, build_repairs
from morphsep.request import ALL_BACK, TIMBRE, Restoration, Revert, parse_settings
from morphsep.stages import Readable, Workspace, scan
from morphsep.storage import Location


def copy_of(
    out: Location,
    row: TrackRow,
    steps: Sequence[StepRow],
    scratch: Path,
    asked: Sequence[Revert] = (),
) -> AccessCopy | None:
    """An access copy, with what is asked for taken back besides; None if it has no such step.

    Args:
        scratch: a folder for copies of its master.

    Raises:
        TrackError: its master is not what it was, or a step cannot be taken back by itself.
    """
    wanted = {revert.step for revert in asked} - {ALL_BACK}
    if wanted and wanted.isdisjoint(step.step for step in steps):
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
    if asked:
        _check_differences(out, steps)
    repairs = _done_again(settings.restoration, steps)
    parts = [_part(out, row, step, repairs.get(step.step), asked) for step in steps]
    _check(parts)
    known = earlier(out, row.track) if asked else Earlier()
    parts = [replace(part, done=_with_all(part.done, known)) for part in parts]
    return AccessCopy(
        out=out,
        track=row.track,
        master=master,
        scan=source,
        form=form,
        parts=parts,
        made_before=known.made,
        **limits_of(settings),
    )


def _check_differences(out: Location, steps: Sequence[StepRow]) -> None:
    """
    Raises:
        TrackError: one is lost, or not what was written.
    """
    for step in steps:
        name = step.difference
        if name is not None and not is_whole(out / name, step.difference_hash or ""):
            raise TrackError(
                "changed_while_read",
                f"{name} is lost, or not the file that was written: bring it back, or restore "
                "this master again with --force",
            )


def _done_again(asked: Restoration | None, steps: Sequence[StepRow]) -> dict[str, Repair]:
    """By name, the repairs that have no difference; nothing of the others is needed."""
    if asked is None:
        return {}
    names = [step.step for step in steps if step.difference is None]
    asked = replace(
        asked, steps=tuple(name for name in asked.steps if name in names),
        options=tuple(pair for pair in asked.options if pair[0].partition(".")[0] in names),
    )  # fmt: skip
    return {repair.name: repair for repair in build_repairs(asked)}


def _check(parts: Sequence[Part]) -> None:
    by_step = {part.done.step: part for part in parts}
    speed, timbre = by_step.get("speed"), by_step.get(TIMBRE)
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
    if step.step == TIMBRE:
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
            found.append(Span(_sample(first, rate, length), _sample(last, rate, length)))
    return merged(span for span in found if span.num_samples > 0)


def _sample(time: Seconds, rate: int, length: int) -> int:
    """The sample at a time, inside a sound."""
    return round(min(time * rate, length))


def _with_all(done: Done, known: Earlier) -> Done:
    """A step with all of its findings, if a record has them."""
    return replace(done, findings=known.findings.get(done.step, done.findings))


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
        at=(step.done_ns or step.finished_ns) / 1e9, options=json.loads(step.options or "{}"),
        versions=json.loads(step.versions or "{}"),
    )  # fmt: skip
