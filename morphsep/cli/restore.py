"""``morphsep restore``: access copies of masters, with what was added to each as files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from morphsep.cli.answers import existing, exit_code, print_answer
from morphsep.cli.derived import derived
from morphsep.cli.options import INPUTS
from morphsep.cli.repair_options import RepairOptions
from morphsep.cli.running import RunOptions, chosen_jobs, run_jobs
from morphsep.request import Settings

if TYPE_CHECKING:
    from morphsep.manifest import TrackRow
    from morphsep.request import Job, Unread
    from morphsep.storage import Location

LONG_WORK = RunOptions(timeout=86_400.0)
"""A repair goes through all of a recording, which may last for hours."""


@derived("restore")
def restore(
    inputs: Annotated[list[str] | None, INPUTS] = None,
    out: Annotated[
        str | None,
        typer.Option(
            "-o", "--out", metavar="ACCESS",
            help="Folder for access copies, differences and manifest: a path, or s3://...",
        ),
    ] = None,
    *,
    settings: Settings,
    repairs: RepairOptions,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what each repair finds in each master.")
    ] = False,
    revert: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STEP[:TIME-TIME]",
            show_default=False,
            help="Make access copies anew without a step, or without it from one time to another; "
            "none: with all that was taken back before. All that lie in ACCESS, or those of "
            "INPUT.",
        ),
    ] = None,
    bag: Annotated[
        str | None,
        typer.Option(
            metavar="BAG", show_default=False,
            help="Copy all that is finished in ACCESS into a BagIt bag, at the end: a folder of "
            "its own.",
        ),
    ] = None,
    options: RunOptions = LONG_WORK,
) -> None:  # fmt: skip
    """Make access copies of old recordings. Masters are only read; all that is added to one lies
    beside its copy, and can be taken back."""
    from morphsep.errors import SettingError
    from morphsep.pipelines import RESTORE
    from morphsep.request import Unread

    if out is None or not (inputs or revert):
        raise SettingError("name the masters, and a folder for access copies: -o ACCESS")
    if revert:
        if bag is not None:
            raise SettingError("--bag and --revert exclude each other: run once more with --bag")
        _take_back(inputs or [], out, revert, options)
    unread = Unread()
    assert inputs
    jobs = restore_jobs(inputs, out, settings, repairs, unread)
    if dry_run:
        _show_findings(chosen_jobs(jobs, out, options), options)
    else:
        run_jobs(jobs, out, RESTORE, options, unread, _finishing(out, bag))


def restore_jobs(
    inputs: list[str], out: str, settings: Settings, repairs: RepairOptions, unread: Unread
) -> list[Job]:
    """The masters, and what is asked for each.

    Raises:
        SettingError: options that exclude each other; access copies among masters.
    """
    from morphsep.request import check_apart, collect

    jobs = collect(inputs, out, _asked(settings, repairs), "restore", unread)
    if not repairs.inside:
        check_apart(inputs, jobs, out)
    return jobs


def _finishing(out: str, bag: str | None) -> Callable[[Location], None]:
    """What is written when all is done: the page about all copies, and the bag.

    Raises:
        SettingError: there is no place for the bag.
    """
    from morphsep import access
    from morphsep.storage import location

    if bag is None:
        return access.write_index
    place = location(bag)
    access.check_bag(location(out), place)

    def finish(folder: Location) -> None:
        access.write_index(folder)
        access.write_bag(folder, place)

    return finish


def _asked(settings: Settings, repairs: RepairOptions) -> Settings:
    from morphsep.errors import SettingError
    from morphsep.request import AS_RECORDED

    settings = replace(settings, restoration=repairs.restoration())
    if repairs.like is None:
        return settings
    if settings.to != AS_RECORDED:
        raise SettingError("--to and --like exclude each other: both say how the guitar sounds")
    return replace(settings, to=repairs.like)


def _show_findings(jobs: Sequence[Job], options: RunOptions) -> None:
    from morphsep.access import survey
    from morphsep.run import settle_jobs

    found = [survey(job) for job in settle_jobs(jobs)]
    lines = [line for one in found for line in one.lines()]
    print_answer(options.as_json, [asdict(one) for one in found], lines)
    done = sum(one.problem is None for one in found)
    raise typer.Exit(exit_code(failed=len(found) - done, done=done))


def _take_back(
    inputs: Sequence[str], out: str, reverts: Sequence[str], options: RunOptions
) -> NoReturn:
    """Makes access copies anew, and says which."""
    from morphsep import access
    from morphsep.errors import SettingError
    from morphsep.request import parse_revert

    asked = [parse_revert(text) for text in reverts]
    folder = existing(out)
    rows = access.finished_rows(folder)
    if inputs:
        rows = _of_these(rows, inputs)
    done = access.take_back(folder, rows, asked)
    if all(one.status == "skipped" for one in done):
        raise SettingError(
            f"no access copy in {out} has {' or '.join(each.step for each in asked)}"
        )
    lines = [f"{one.status:8} {one.track}: {one.message}" for one in done]
    print_answer(options.as_json, [asdict(one) for one in done], lines)
    failed = sum(one.status == "failed" for one in done)
    raise typer.Exit(exit_code(failed=failed, done=len(done) - failed))


def _of_these(rows: Sequence[TrackRow], inputs: Sequence[str]) -> list[TrackRow]:
    """The rows of masters that are one of the inputs, or lie in one."""
    from morphsep.storage import absolute, identity

    named = {identity(absolute(text)) for text in inputs}
    folders = tuple(f"{name}/" for name in named)
    masters = [identity(row.input) for row in rows]
    return [
        row for row, master in zip(rows, masters, strict=True)
        if master in named or master.startswith(folders)
    ]  # fmt: skip
