"""A data set from its sources: surveyed, split, rendered, joined into shards, described."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from morphsep import manifest, pipelines
from morphsep.backends import BackendTraits
from morphsep.dataset.card import write_description
from morphsep.dataset.joining import done_sources, has_lost_parts, join, left_out
from morphsep.dataset.lock import RECIPE, Lock, check_folder, check_same, differing, read_lock
from morphsep.dataset.parts import Parts
from morphsep.dataset.preparing import lock_of, ready
from morphsep.dataset.recipe import DataRecipe, Ladder
from morphsep.dataset.render import Render
from morphsep.dataset.rendering import ladder_recipe
from morphsep.dataset.shards import Written
from morphsep.dataset.tone_files import ToneFiles
from morphsep.dataset.wanted import Running, Wanted
from morphsep.errors import SettingError
from morphsep.request import Job
from morphsep.run import Pipeline, Summary, choose_executor, run
from morphsep.stages import Workspace, last_work
from morphsep.storage import Location
from morphsep.storage import lock as locked


@dataclass(frozen=True, kw_only=True)
class Generated:
    """What came of it."""

    out: Location
    shards: Sequence[Written]
    rejected: int
    """Rows that were left out."""
    summary: Summary | None
    """Of the sources; None where there was nothing to do."""

    @property
    def rows(self) -> int:
        return sum(shard.rows for shard in self.shards)

    @property
    def exit_code(self) -> int:
        """As of every run: 2, some sources failed; 3, there is not one row."""
        if self.summary is None:
            return 0
        return self.summary.exit_code if self.rows else 3


def generate(jobs: Sequence[Job], out: Location, wanted: Wanted, running: Running) -> Generated:
    """Makes a data set, or goes on with it.

    Args:
        jobs: the sources, settled (`morphsep.run.settle_jobs`).

    Raises:
        SettingError: weights that are not here, a folder that holds something else, recordings that
            are alike in two splits, an unknown executor.
        StorageError: storage or disk are at fault; the same command goes on.
        OSError: the manifest or a shard cannot be written; the same command goes on.
    """
    on_gpu = _wants_gpu(wanted.recipe)
    running = replace(
        running, executor=choose_executor(running.executor, running.pool),
        work_in=running.work_in or last_work(out) or None,
    )  # fmt: skip
    _before(out, wanted)  # what is not ours is refused before all sources are looked at
    workspace = Workspace(out, running.work_in or "")
    jobs, surveyed = ready(jobs, workspace, wanted, running)
    lock = lock_of(wanted.recipe, jobs, surveyed)
    with locked(out):  # refused while another run is at work here
        before = _before(out, wanted)  # again: another run may have been at work meanwhile
        if wanted.new:
            _give_up(before, lock, workspace, wanted)
        elif before is not None:
            check_same(before, lock, out)
            if before.is_finished(out):
                _tidy(workspace, wanted.recipe)
                return Generated(out=out, shards=before.shards, rejected=0, summary=None)
        _forget_lost(jobs, workspace, wanted)
        lock, render = _begun(lock, wanted, out)
    summary = _run(jobs, out, pipelines.generate(render, on_gpu=on_gpu), running)
    with locked(out):
        check_same(read_lock(out) or lock, lock, out)  # another run may have given ours up
        return _joined(jobs, workspace, wanted, running, lock, summary)


def _begun(lock: Lock, wanted: Wanted, out: Location) -> tuple[Lock, Render]:
    """What the folder will hold is written there; with the stage that makes it."""
    tones = ToneFiles.copied(wanted.recipe, out)
    tones.remove_others()
    lock = replace(lock, tones=tones.names)
    lock.write(out)
    (out / RECIPE).write_bytes(wanted.text.encode())
    return lock, Render(recipe=wanted.recipe, tones=tones)


def _run(jobs: Sequence[Job], out: Location, pipeline: Pipeline, running: Running) -> Summary:
    return run(
        jobs, out.text, pipeline, work_in=running.work_in, executor=running.executor,
        pool=running.pool, max_failures=running.max_failures, timeout=running.timeout,
        on_progress=running.on_progress, on_outcome=running.on_outcome,
    )  # fmt: skip


def _wants_gpu(recipe: DataRecipe) -> bool:
    """Whether a backend of the recipe has weights.

    Raises:
        SettingError: they are not here, or a backend cannot morph between its tones.
    """
    ladders = [each for each in recipe.here.render if isinstance(each, Ladder)]
    backends = [ladder_recipe(each).backend for each in ladders]
    return any(BackendTraits.of(backend).device is not None for backend in backends)


def _before(out: Location, wanted: Wanted) -> Lock | None:
    """The lock of the data set that is there.

    Raises:
        SettingError: there is something else, or a lock that cannot be read.
    """
    try:
        found = read_lock(out)
    except SettingError:
        if not wanted.new:
            raise
        return None
    if found is None:
        check_folder(out)
    return found


def _give_up(before: Lock | None, lock: Lock, workspace: Workspace, wanted: Wanted) -> None:
    """Forgets what was made for another data set, and for this one if that is finished. What was
    begun of this one stays: a killed run with --new goes on, too.

    Args:
        before: what is there; None: nothing, or something damaged.
    """
    if before is None or differing(before, lock) or before.is_finished(workspace.out):
        Parts(workspace, wanted.recipe).remove()
        _forget_rows(workspace.out)


def _forget_lost(jobs: Sequence[Job], workspace: Workspace, wanted: Wanted) -> None:
    """Forgets what earlier runs say of sources where what they made is no longer there: stems are,
    so it costs little to look again."""
    out, parts = workspace.out, Parts(workspace, wanted.recipe)
    if has_lost_parts(done_sources(jobs, parts, out), parts):
        _forget_rows(out)


def _forget_rows(out: Location) -> None:
    for table in ("tracks", "chunks"):
        manifest.table_folder(out, table).remove_tree()


def _joined(
    jobs: Sequence[Job],
    workspace: Workspace,
    wanted: Wanted,
    running: Running,
    lock: Lock,
    summary: Summary,
) -> Generated:
    """Shards of what the run has left, and the files that describe them."""
    out, parts = workspace.out, Parts(workspace, wanted.recipe)
    done = done_sources(jobs, parts, out)
    joined = join(done, parts, out, running)
    shards, rejected = joined.shards, left_out(joined.incomplete, parts)
    write_description(out, wanted.recipe, wanted.text, shards, rejected, joined.without_guitar)
    failed = sorted(summary.which("failed"))
    replace(lock, shards=shards, failed=failed, versions=_versions(summary)).write(out)
    if shards and summary.stopped is None and not failed:
        _tidy(workspace, wanted.recipe)
    return Generated(out=out, shards=shards, rejected=joined.rejected, summary=summary)


def _tidy(workspace: Workspace, recipe: DataRecipe) -> None:
    """Removes what a finished data set does not need; of one without sound also the stems: whoever
    hands its folder on must not hand on the sound."""
    Parts(workspace, recipe).remove()
    if not recipe.sound:
        workspace.forget_sound()


def _versions(summary: Summary) -> dict[str, Any]:
    """Of what made the rows, and of what wrote them: their bytes depend on that, too."""
    import pyarrow
    import soundfile

    said = (outcome.row.versions for outcome in summary.outcomes)
    made: dict[str, Any] = json.loads(next(filter(None, said), "{}"))
    wrote = {"pyarrow": pyarrow.__version__, "libsndfile": soundfile.__libsndfile_version__}
    return made | wrote
