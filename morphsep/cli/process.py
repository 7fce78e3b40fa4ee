"""Commands that work on recordings: morph, separate, preview, plan."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from morphsep.cli.options import (
    Adapter,
    Address,
    Amount,
    Angle,
    BackendName,
    Channels,
    Chunk,
    Device,
    ExecutorName,
    Force,
    Format,
    From,
    Gpus,
    Inputs,
    Interpolation,
    Json,
    Lora,
    Match,
    MaxFailures,
    Offline,
    Out,
    Paired,
    PaperFaithful,
    Rerun,
    Section,
    Seed,
    SeparatorName,
    Set,
    Shifts,
    Stem,
    Subtype,
    Timeout,
    To,
    Transition,
    Transport,
    Uniform,
    Weights,
    Workers,
    WorkIn,
)
from morphsep.cli.running import (
    Running,
    make_settings,
    options,
    pair,
    pair_of_tones,
    print_result,
    recording,
    run_command,
    run_jobs,
)


def morph(
    inputs: Inputs,
    out: Out,
    to: To = None,
    from_: From = "as-recorded",
    transition: Transition = None,
    paired: Paired = False,
    match: Match = False,
    transport: Transport = False,
    amount: Amount = "1",
    separator: SeparatorName = "auto",
    stem: Stem = None,
    backend: BackendName = "auto",
    weights: Weights = None,
    lora: Lora = None,
    adapter: Adapter = None,
    angle: Angle = None,
    interpolation: Interpolation = None,
    paper_faithful: PaperFaithful = False,
    set_: Set = None,
    chunk: Chunk = 8.0,
    section: Section = 300.0,
    uniform: Uniform = True,
    format: Format = None,
    subtype: Subtype = None,
    channels: Channels = None,
    device: Device = "auto",
    shifts: Shifts = 0,
    seed: Seed = 0,
    offline: Offline = False,
    work: WorkIn = None,
    executor: ExecutorName = "auto",
    address: Address = None,
    workers: Workers = None,
    gpus: Gpus = None,
    timeout: Timeout = 7200.0,
    max_failures: MaxFailures = None,
    force: Force = False,
    rerun: Rerun = None,
    as_json: Json = False,
) -> None:
    """Change the guitar's tone in whole recordings. The same command again does only what is
    not done."""
    from_, to = pair_of_tones(from_, to, transition, inputs)
    settings = make_settings(
        to=to, from_=from_, recording=recording(paired, match, transport), amount=amount,
        separator=separator, stem=stem, backend=backend,
        options=options(
            set_, weights=weights, lora=lora, adapter=adapter, angle=angle,
            interpolation=interpolation, paper_faithful=paper_faithful,
        ),
        chunk=chunk, section=section, uniform=uniform, format=format,
        subtype=subtype, channels=pair(channels), device=device, shifts=shifts, seed=seed,
        offline=offline,
    )  # fmt: skip
    running = Running(
        work_in=work, executor=executor, address=address, workers=workers, gpus=gpus,
        timeout=timeout, max_failures=max_failures, force=force, rerun=rerun, as_json=as_json,
    )  # fmt: skip
    from morphsep.pipelines import REPROCESS

    run_command(inputs, out, settings, REPROCESS, running)


def separate(
    inputs: Inputs,
    out: Out,
    separator: SeparatorName = "auto",
    stem: Stem = None,
    section: Section = 300.0,
    format: Format = None,
    subtype: Subtype = None,
    channels: Channels = None,
    device: Device = "auto",
    shifts: Shifts = 0,
    seed: Seed = 0,
    offline: Offline = False,
    work: WorkIn = None,
    executor: ExecutorName = "auto",
    address: Address = None,
    workers: Workers = None,
    gpus: Gpus = None,
    timeout: Timeout = 7200.0,
    max_failures: MaxFailures = None,
    force: Force = False,
    rerun: Rerun = None,
    as_json: Json = False,
) -> None:
    """Write only the guitar and the backing. They add up to the mix; float WAV unless told."""
    settings = make_settings(
        separator=separator, stem=stem, section=section, format=format, subtype=subtype,
        channels=pair(channels), device=device, shifts=shifts, seed=seed, offline=offline,
    )  # fmt: skip
    running = Running(
        work_in=work, executor=executor, address=address, workers=workers, gpus=gpus,
        timeout=timeout, max_failures=max_failures, force=force, rerun=rerun, as_json=as_json,
    )  # fmt: skip
    from morphsep.pipelines import SEPARATE

    run_command(inputs, out, settings, SEPARATE, running)


def preview(
    inputs: Inputs,
    out: Out,
    to: To = None,
    from_: From = "as-recorded",
    transition: Transition = None,
    paired: Paired = False,
    match: Match = False,
    transport: Transport = False,
    amount: Amount = "1",
    separator: SeparatorName = "auto",
    stem: Stem = None,
    backend: BackendName = "auto",
    weights: Weights = None,
    set_: Set = None,
    at: Annotated[
        str, typer.Option(help="Where the 20 seconds begin (m:ss); at the end, the last 20.")
    ] = "0:00",
    device: Device = "auto",
    offline: Offline = False,
    as_json: Json = False,
) -> None:
    """The same on 20 seconds of each song. OUT/NAME.wav, and OUT/before/NAME.wav to compare."""
    from morphsep.run import cut_inputs

    from_, to = pair_of_tones(from_, to, transition, inputs)
    settings = make_settings(
        to=to, from_=from_, recording=recording(paired, match, transport), amount=amount,
        separator=separator, stem=stem, backend=backend, options=options(set_, weights=weights),
        device=device, offline=offline,
    )  # fmt: skip
    from morphsep.pipelines import REPROCESS

    jobs = cut_inputs(inputs, out, settings, at)
    run_jobs(jobs, out, REPROCESS, Running(as_json=as_json))


def plan(
    inputs: Inputs,
    out: Out = "out",
    to: To = None,
    from_: From = "as-recorded",
    transition: Transition = None,
    paired: Paired = False,
    match: Match = False,
    transport: Transport = False,
    amount: Amount = "1",
    separator: SeparatorName = "auto",
    stem: Stem = None,
    backend: BackendName = "auto",
    weights: Weights = None,
    set_: Set = None,
    chunk: Chunk = 8.0,
    section: Section = 300.0,
    offline: Offline = False,
    as_json: Json = False,
) -> None:
    """What a run would do and cost. Files, hours, chunks, time, memory, disk; touches nothing."""
    from morphsep import run
    from morphsep.request import collect

    from_, to = pair_of_tones(
        from_, to or (None if transition else "distortion"), transition, inputs
    )
    settings = make_settings(
        to=to, from_=from_, recording=recording(paired, match, transport), amount=amount,
        separator=separator, stem=stem, backend=backend, options=options(set_, weights=weights),
        chunk=chunk, section=section, offline=offline,
    )  # fmt: skip
    planned = run.plan(collect(inputs, out, settings), out)
    print_result(as_json, asdict(planned), planned.lines())
