"""Commands that work on recordings: morph, separate, preview, plan."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from morphsep.cli.answers import print_answer
from morphsep.cli.derived import derived
from morphsep.cli.options import Inputs, Out
from morphsep.cli.running import Running, chosen_jobs, run_jobs
from morphsep.request import Settings, collect

HERE = Running(executor="local")
"""A preview is too short for a cluster, unless one is asked for."""
ANY_TONE = Settings(to="distortion")
"""What is planned where no tone is named: none costs much more than another."""


@derived("morph")
def morph(inputs: Inputs, out: Out, *, settings: Settings, running: Running) -> None:
    """Change the guitar's tone in whole recordings. The same command again does only what is
    not done."""
    from morphsep.pipelines import REPROCESS

    run_jobs(collect(inputs, out, settings), out, REPROCESS, running)


@derived("separate")
def separate(inputs: Inputs, out: Out, *, settings: Settings, running: Running) -> None:
    """Write only the guitar and the backing. They add up to the mix; float WAV unless told."""
    from morphsep.pipelines import SEPARATE

    run_jobs(collect(inputs, out, settings, SEPARATE.command), out, SEPARATE, running)


@derived("morph")
def preview(
    inputs: Inputs,
    out: Out,
    *,
    settings: Settings,
    at: Annotated[
        str, typer.Option(help="Where the 20 seconds begin (m:ss); at the end, the last 20.")
    ] = "0:00",
    running: Running = HERE,
) -> None:
    """Morph 20 seconds of each song. OUT/NAME.wav, and OUT/before/NAME.wav to compare."""
    from morphsep.pipelines import REPROCESS
    from morphsep.run import cut_inputs

    run_jobs(cut_inputs(inputs, out, settings, at), out, REPROCESS, running)


@derived("morph")
def plan(
    inputs: Inputs,
    out: Out = "out",
    *,
    settings: Settings = ANY_TONE,
    running: Running,
) -> None:
    """Estimate what a run would do and cost. Files, hours, chunks, time, memory, disk; writes
    nothing. Takes the options of morph; those about running do not change the estimate."""
    from morphsep import run

    running.pool()  # refuses what morph would refuse
    planned = run.plan(chosen_jobs(collect(inputs, out, settings), out, running), out)
    print_answer(running.as_json, asdict(planned), planned.lines())
