"""``morphsep restore``: access copies of masters, with what was added to each as files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from morphsep.cli.answers import existing, print_answer
from morphsep.cli.derived import derived
from morphsep.cli.options import INPUTS
from morphsep.cli.running import RunOptions, chosen_jobs, run_jobs
from morphsep.request import Settings

if TYPE_CHECKING:
    from morphsep.request import Job, Restoration
    from morphsep.storage import Location

LONG_WORK = RunOptions(timeout=86_400.0)
"""A repair goes through all of a recording, which may last for hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairOptions:
    """What is repaired, and how. Each field is an option."""

    like: Annotated[
        str | None,
        typer.Option(
            metavar="RECORDING",
            help="Let the guitar sound like that of a recording, instead of --to.",
        ),
    ] = None
    steps: Annotated[
        str,
        typer.Option(
            metavar="STEP,...|none",
            help="Repairs, done in this order: declick, dehum, dehiss, speed.",
        ),
    ] = "declick,dehum"
    set_step: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STEP.NAME=VALUE",
            help="Any option of a repair, such as declick.sensitivity=0.3.",
            show_default=False,
        ),
    ] = None
    set_bound: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="How much may change: pitch_cents, timing_ms, onset_f1, rests_db, level_db, "
            "added_above_db.",
            show_default=False,
        ),
    ] = None
    speed: Annotated[
        float | None,
        typer.Option(
            metavar="RATIO",
            help="Play it so many times as fast: the speed it should have had over the speed of "
            "the transfer. The length changes.",
        ),
    ] = None
    extend: Annotated[
        bool,
        typer.Option(
            "--extend", help="Allow sound above what the recording holds; it is labelled."
        ),
    ] = False
    anyway: Annotated[bool, typer.Option("--anyway", help="Declick lossy files, too.")] = False
    inside: Annotated[
        bool, typer.Option("--inside", help="Let ACCESS lie in a folder of masters.")
    ] = False

    def restoration(self) -> Restoration:
        """What is asked for.

        Raises:
            SettingError: there is no such repair, or a text that is no option.
        """
        from morphsep.request import Restoration, parse_steps

        steps = self.steps
        options = dict(_assigned("--set-step", "STEP.NAME", self.set_step))
        if self.speed is not None:
            steps = f"{steps},speed".removeprefix("none,")
            options["speed.ratio"] = repr(self.speed)
        return Restoration(
            steps=parse_steps(steps), options=tuple(sorted(options.items())),
            bounds=_assigned("--set-bound", "NAME", self.set_bound),
            extend=self.extend, anyway=self.anyway,
        )  # fmt: skip


def _assigned(flag: str, names: str, texts: Sequence[str] | None) -> tuple[tuple[str, str], ...]:
    """(name, value) of what was assigned, in the order of the names.

    Raises:
        SettingError: a text that assigns nothing.
    """
    from morphsep.errors import SettingError

    found = {}
    for text in texts or ():
        name, is_assignment, value = text.partition("=")
        if not is_assignment or name.count(".") != names.count("."):
            raise SettingError(f"{flag} takes {names}=VALUE, got {text!r}")
        found[name.strip().replace("-", "_")] = value.strip()
    return tuple(sorted(found.items()))


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
    from morphsep.request import Unread, check_apart, collect

    if out is None or not (inputs or revert):
        raise SettingError("name the masters, and a folder for access copies: -o ACCESS")
    if revert:
        if bag is not None:
            raise SettingError("--bag and --revert exclude each other: run once more with --bag")
        _take_back(inputs or [], out, revert, options)
    unread = Unread()
    asked = _asked(settings, repairs)
    assert inputs
    jobs = collect(inputs, out, asked, RESTORE.command, unread)
    if not repairs.inside:
        check_apart(inputs, jobs, out)
    if dry_run:
        _show_findings(chosen_jobs(jobs, out, options), options)
    else:
        run_jobs(jobs, out, RESTORE, options, unread, _finishing(out, bag))


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
    failed = sum(one.problem is not None for one in found)
    raise typer.Exit(_code(failed, len(found)))


def _code(failed: int, number: int) -> int:
    """What the command exits with after so many of a number of masters have failed."""
    return 0 if not failed else 3 if failed == number else 2


def _take_back(
    inputs: Sequence[str], out: str, reverts: Sequence[str], options: RunOptions
) -> NoReturn:
    """Makes access copies anew, and says which."""
    from morphsep import access
    from morphsep.errors import SettingError
    from morphsep.manifest import read_tracks
    from morphsep.request import parse_revert

    asked = [parse_revert(text) for text in reverts]
    folder = existing(out)
    rows = [row for row in read_tracks(folder) if row.status == "ok" and row.steps is not None]
    if inputs:
        rows = [row for row in rows if _is_of(row.input, inputs)]
    done = access.take_back(folder, rows, asked)
    if all(one.status == "skipped" for one in done):
        raise SettingError(
            f"no access copy in {out} has {' or '.join(each.step for each in asked)}"
        )
    lines = [f"{one.status:8} {one.track}: {one.message}" for one in done]
    print_answer(options.as_json, [asdict(one) for one in done], lines)
    failed = sum(one.status == "failed" for one in done)
    raise typer.Exit(_code(failed, len(done)))


def _is_of(path: str, inputs: Sequence[str]) -> bool:
    """Whether a master is one of the inputs, or lies in one."""
    from morphsep.storage import absolute, identity

    here = identity(path)
    named = [identity(absolute(text)) for text in inputs]
    return any(here == name or here.startswith(f"{name}/") for name in named)
