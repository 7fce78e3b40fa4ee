"""How a run is done as the command line has it, and doing it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer

from morphsep.cli.answers import print_answer
from morphsep.cli.options import (
    Address,
    ExecutorName,
    Force,
    Gpus,
    Json,
    MaxFailures,
    Rerun,
    Timeout,
    Workers,
    WorkIn,
)

if TYPE_CHECKING:
    from morphsep.request import Job, Unread
    from morphsep.run import Pipeline, Pool
    from morphsep.storage import Location


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """Where work is done, and by how many. Each field is an option."""

    executor: ExecutorName = "auto"
    address: Address = None
    workers: Workers = None
    gpus: Gpus = None

    def pool(self) -> Pool:
        """The cluster to use.

        Raises:
            SettingError: --workers is not a number or a range of numbers.
        """
        from morphsep.errors import SettingError
        from morphsep.run import Pool

        try:
            ends = [int(part) for part in (self.workers or "1-").split("-") if part]
        except ValueError:
            ends = []
        if not 1 <= len(ends) <= 2 or ends[0] < 1 or ends[-1] < ends[0]:
            raise SettingError(f"--workers takes a number or two, 4 or 2-16, got {self.workers!r}")
        most = ends[-1] if self.workers and not self.workers.endswith("-") else None
        return Pool(address=self.address, min_workers=ends[0], max_workers=most, gpus=self.gpus)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOptions(ClusterOptions):
    """Where work lies, and when it is given up. Each field is an option."""

    work_in: WorkIn = None
    timeout: Timeout = 7200.0
    max_failures: MaxFailures = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions(WorkOptions):
    """How a run is done and shown; nothing here changes a sound. Each field is an option."""

    force: Force = False
    rerun: Rerun = None
    as_json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateOptions(WorkOptions):
    """How a data set is made and shown; nothing here changes a row. Each field is an option."""

    as_json: Json = False


def chosen_jobs(jobs: Sequence[Job], out: str, options: RunOptions) -> Sequence[Job]:
    """All jobs, or those that --rerun asks for.

    Raises:
        SettingError: --rerun has an unknown value.
    """
    from morphsep.errors import SettingError
    from morphsep.run import only_failed

    if options.rerun is None:
        return jobs
    if options.rerun != "failed":
        raise SettingError(f"--rerun knows only `failed`, got {options.rerun!r}")
    return only_failed(jobs, out)


def run_jobs(
    jobs: Sequence[Job],
    out: str,
    pipeline: Pipeline,
    options: RunOptions,
    unread: Unread | None = None,
    finish: Callable[[Location], None] = lambda out: None,
) -> None:
    """Does the jobs, shows how it goes, prints how it ended and what was passed over, and exits.

    Args:
        finish: what concerns the whole folder, done at the end.
    """
    from morphsep.cli import display, streams
    from morphsep.run import is_for_cluster, keep_freed_memory, run, settle_jobs

    keep_freed_memory()
    pool = options.pool()
    on_cluster = is_for_cluster(options.executor, pool)
    jobs = settle_jobs(chosen_jobs(jobs, out, options), on_cluster)
    if not options.as_json:
        display.say_separators(jobs)
    with display.progress(jobs, quiet=options.as_json) as watch:
        summary = run(
            jobs, out, pipeline, work_in=options.work_in, executor=options.executor,
            pool=pool, force=options.force, max_failures=options.max_failures,
            timeout=options.timeout, on_progress=watch.event, on_outcome=watch.outcome,
        )  # fmt: skip
    finish(summary.out)
    if options.as_json:
        kinds = dict(unread.kinds) if unread else {}
        print(streams.as_json(display.as_json(summary) | {"not_read": kinds}))
    else:
        display.closing_table(summary, out, str(unread or ""))
    raise typer.Exit(summary.exit_code)


def show_plan(
    jobs: Sequence[Job],
    out: str,
    pipeline: Pipeline,
    options: RunOptions,
    unread: Unread | None = None,
) -> None:
    """Prints what doing the jobs would cost, and what would be passed over.

    Raises:
        SettingError: settings that cannot work.
    """
    from morphsep import run

    pool = options.pool()
    on_cluster = run.is_for_cluster(options.executor, pool)
    planned = run.plan(
        chosen_jobs(jobs, out, options), out, pipeline.command, pool=pool, on_cluster=on_cluster
    )
    values = asdict(planned)
    del values["durations"]  # one for each file
    values |= {"not_read": dict(unread.kinds) if unread else {}}
    print_answer(options.as_json, values, [*planned.lines(), *([str(unread)] if unread else [])])
