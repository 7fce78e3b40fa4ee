"""The rows of the table ``steps``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from morphsep.access.differences import difference_name
from morphsep.access.doing import Done
from morphsep.dsp import dbfs
from morphsep.manifest import StepRow

LONGEST_LIST = 1000
"""Entries of a list in the column `findings`; longer ones are left out."""


def step_rows(track: str, key: str, done: Sequence[Done]) -> list[StepRow]:
    """A row for each step that was done to a track."""
    return [_row(track, key, index, each) for index, each in enumerate(done)]


def _row(track: str, key: str, index: int, done: Done) -> StepRow:
    row = StepRow(
        track=track, key=key, index=index, step=done.step, settings=done.fingerprint,
        summary=done.summary, findings=json.dumps(_short(done.findings)), seconds=done.seconds,
    )  # fmt: skip
    written = done.written
    if written is None:
        return row
    return replace(
        row,
        difference=difference_name(track, done.step, written.name),
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
