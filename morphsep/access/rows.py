"""The rows about access copies: those that are finished, and those of the table ``steps``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from morphsep import manifest
from morphsep.access.parts import AccessCopy, Part
from morphsep.dsp import dbfs
from morphsep.manifest import StepRow, TrackRow
from morphsep.storage import Location

LONGEST_LIST = 1000
"""Entries of a list in the column `findings`; longer ones are left out."""


def finished_rows(out: Location) -> list[TrackRow]:
    """The rows of the access copies that a folder holds."""
    rows = manifest.read_tracks(out)
    return [row for row in rows if row.status == "ok" and row.steps is not None]


def step_rows(copy: AccessCopy, key: str) -> list[StepRow]:
    """A row for each step that made an access copy.

    Args:
        key: of the track.
    """
    return [_row(copy, key, index, part) for index, part in enumerate(copy.parts)]


def _row(copy: AccessCopy, key: str, index: int, part: Part) -> StepRow:
    done, reverted = part.done, part.layer.reverted
    row = StepRow(
        track=copy.track, key=key, index=index, step=done.step, settings=done.fingerprint,
        summary=done.summary, findings=json.dumps(_short(done.findings)), seconds=done.seconds,
        options=json.dumps(dict(done.options)), versions=json.dumps(dict(done.versions)),
        done_ns=round(done.at * 1e9),
        reverted=json.dumps([[span.start, span.stop] for span in reverted]) if reverted else None,
    )  # fmt: skip
    written = done.written
    if written is None:
        return row
    return replace(
        row,
        difference=copy.difference_name(part),
        difference_hash=written.sha256,
        num_changed=written.num_changed,
        peak_dbfs=dbfs(written.peak) if written.peak else None,
    )


def _short(findings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in findings.items()
        if not (isinstance(value, list) and len(value) > LONGEST_LIST)
    }
