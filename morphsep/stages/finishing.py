"""How every track ends: its rows are committed, and what only it needed is removed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from morphsep import manifest
from morphsep.manifest import ChunkRow, StepRow
from morphsep.stages import track_row
from morphsep.stages.clip import Clip, Outcome
from morphsep.stages.run_context import RunContext


def finish(
    run: RunContext,
    clip: Clip,
    values: dict[str, Any],
    chunks: Sequence[ChunkRow] = (),
    steps: Sequence[StepRow] = (),
) -> Outcome:
    """Commits a track's rows with these `values`, whatever became of it, and clears up after it.

    Raises:
        OSError: the manifest cannot be written.
    """
    row = replace(track_row.begun(clip, run), **values)
    row = replace(row, retries=run.retries(clip.job.track))
    out = run.workspace.out
    row = manifest.commit(out, row, chunks, steps, after=clip.finished_before)
    # first of all: another worker on the same track will miss what is removed next
    run.workspace.ended(clip.job.track).write_json(run.id)
    clear(run, clip)
    return Outcome(row)


def clear(run: RunContext, clip: Clip) -> None:
    """Removes what only a track in the making needs; its stem stays, for the next amount."""
    shutil.rmtree(run.scratch(clip.job.track), ignore_errors=True)
    run.workspace.attempt_notes(clip.job.track).remove_tree()
