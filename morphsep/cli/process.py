"""Commands that work on recordings: morph, separate, preview, plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from morphsep.cli.derived import derived
from morphsep.cli.options import DryRun, Inputs, Out
from morphsep.cli.repair_options import RepairOptions
from morphsep.cli.restore import restore_jobs
from morphsep.cli.running import RunOptions, run_jobs, show_plan
from morphsep.cli.setting_options import SettingOptions
from morphsep.errors import SettingError
from morphsep.request import AS_RECORDED, Settings, Unread, collect

HERE = RunOptions(executor="local")
"""A preview is too short for a cluster, unless one is asked for."""
ANY_TONE = "distortion"
"""What is planned where no tone is named: none costs much more than another."""


@derived("morph")
def morph(
    inputs: Inputs, out: Out, *, settings: Settings, dry_run: DryRun = False, options: RunOptions
) -> None:
    """Change the guitar's tone in whole recordings. The same command again does only what is
    not done."""
    from morphsep.pipelines import REPROCESS

    unread, do = Unread(), show_plan if dry_run else run_jobs
    do(collect(inputs, out, settings, unread=unread), out, REPROCESS, options, unread)


@derived("separate")
def separate(
    inputs: Inputs, out: Out, *, settings: Settings, dry_run: DryRun = False, options: RunOptions
) -> None:
    """Write only the guitar and the backing. They add up to the mix; float WAV unless told."""
    from morphsep.pipelines import SEPARATE

    unread, do = Unread(), show_plan if dry_run else run_jobs
    jobs = collect(inputs, out, settings, SEPARATE.command, unread)
    do(jobs, out, SEPARATE, options, unread)


@derived("morph")
def preview(
    inputs: Inputs,
    out: Out,
    *,
    settings: Settings,
    at: Annotated[
        str, typer.Option(help="Where the 20 seconds begin (m:ss); at the end, the last 20.")
    ] = "0:00",
    options: RunOptions = HERE,
) -> None:
    """Morph 20 seconds of each song. OUT/NAME.wav, and OUT/before/NAME.wav to compare."""
    from morphsep.pipelines import REPROCESS
    from morphsep.run import cut_inputs

    run_jobs(cut_inputs(inputs, out, settings, at), out, REPROCESS, options)


@derived("morph")
def plan(
    inputs: Inputs,
    out: Out = "out",
    *,
    command: Annotated[
        str,
        typer.Option(
            "--for", metavar="COMMAND", help="What is planned: morph, separate or restore."
        ),
    ] = "morph",
    settings: Settings,
    repairs: RepairOptions,
    options: RunOptions,
) -> None:
    """Estimate what a run would do and cost. Files, hours, chunks, time, memory, disk; writes
    nothing. Takes the options of the command that is planned; those about running do not change
    the estimate."""
    from morphsep import pipelines

    kinds = {"morph": pipelines.REPROCESS, "separate": pipelines.SEPARATE}
    pipeline = (kinds | {"restore": pipelines.RESTORE}).get(command)
    if pipeline is None:
        raise SettingError(f"--for takes morph, separate or restore, got {command!r}")
    SettingOptions(pipeline.command, settings).check(settings)
    unread = Unread()
    if pipeline.command == "restore":
        jobs = restore_jobs(inputs, out, settings, repairs, unread)
    else:
        if repairs != RepairOptions():
            raise SettingError("repairs are planned --for restore")
        if pipeline.command == "morph" and settings.to == AS_RECORDED:
            settings = replace(settings, to=ANY_TONE)
        jobs = collect(inputs, out, settings, pipeline.command, unread)
    show_plan(jobs, out, pipeline, options, unread)
