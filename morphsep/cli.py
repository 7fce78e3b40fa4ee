"""The command line. Parses, calls, prints; every command answers ``--json`` too.

Exit codes: 0 all done, 1 usage or configuration, 2 some tracks failed, 3 nothing could be done.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from morphsep.cli_lora import lora_app
from morphsep.cli_match import match as match_command
from morphsep.cli_options import (
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
from morphsep.cli_run import (
    Running,
    existing,
    list_plugins,
    make_settings,
    options,
    pair,
    pair_of_tones,
    print_result,
    recording,
    run_command,
    run_jobs,
    show,
)

app = typer.Typer(
    name="morphsep",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help comes up in half the time
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Change a guitar's tone inside finished recordings: separate, morph, put back.",
)
manifest_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Look at, or tidy, a folder's manifest."
)
models_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Model weights: what there is, and fetching it.",
)
app.add_typer(manifest_app, name="manifest")
app.add_typer(models_app, name="models")
app.add_typer(lora_app, name="lora")
app.command(name="match")(match_command)


def _version(wanted: bool) -> None:
    if wanted:
        from morphsep import __version__

        print(__version__)
        raise typer.Exit


@app.callback()
def version(
    wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Change a guitar's tone inside finished recordings: separate, morph, put back."""


@app.command()
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
    run_command(inputs, out, settings, "morph", running)


@app.command()
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
    run_command(inputs, out, settings, "separate", running)


@app.command()
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
    from morphsep.preview import cut_inputs

    from_, to = pair_of_tones(from_, to, transition, inputs)
    settings = make_settings(
        to=to, from_=from_, recording=recording(paired, match, transport), amount=amount,
        separator=separator, stem=stem, backend=backend, options=options(set_, weights=weights),
        device=device, offline=offline,
    )  # fmt: skip
    jobs = cut_inputs(inputs, out, settings, at)
    run_jobs(jobs, out, "morph", Running(as_json=as_json))


@app.command()
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
    from morphsep import estimate
    from morphsep.inputs import collect

    from_, to = pair_of_tones(
        from_, to or (None if transition else "distortion"), transition, inputs
    )
    settings = make_settings(
        to=to, from_=from_, recording=recording(paired, match, transport), amount=amount,
        separator=separator, stem=stem, backend=backend, options=options(set_, weights=weights),
        chunk=chunk, section=section, offline=offline,
    )  # fmt: skip
    planned = estimate.plan(collect(inputs, out, settings), out)
    print_result(as_json, asdict(planned), planned.lines())


@app.command()
def doctor(
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Folder to try writing to.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What works on this machine. And a remedy for everything that does not."""
    from morphsep.doctor import checks

    found = list(checks(out))
    lines = [
        f"{c.state:8} {c.what}: {c.found}" + (f"\n         -> {c.remedy}" if c.remedy else "")
        for c in found
    ]
    print_result(as_json, [asdict(c) for c in found], lines)
    raise typer.Exit(1 if any(c.state == "missing" for c in found) else 0)


@app.command()
def verify(
    out: Annotated[str, typer.Argument(help="An output folder: a path, or s3://...")],
    executor: ExecutorName = "auto",
    address: Address = None,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Re-check finished work. From its manifest, against what morphsep promises."""
    from morphsep.verify import verify as check

    pool = Running(address=address, workers=workers).pool()
    count, findings = check(existing(out), executor, pool)
    lines = [f"promise {f.promise}: {f.track}: {f.message}" for f in findings]
    lines.append(f"{count} tracks checked, {len(findings)} findings")
    print_result(as_json, {"tracks": count, "findings": [asdict(f) for f in findings]}, lines)
    raise typer.Exit(3 if count == 0 else 2 if findings else 0)


@app.command()
def status(
    out: Annotated[str, typer.Argument(help="An output folder: a path, or s3://...")],
    as_json: Json = False,
) -> None:
    """How a run is doing. Done, running, failed, to do; rate, time left, workers."""
    from morphsep.status import read_status

    found = read_status(out)
    print_result(as_json, asdict(found), found.lines())


@app.command()
def tones(as_json: Json = False) -> None:
    """List the tones and the named transitions."""
    from morphsep.tones import TRANSITIONS, list_tones

    rows = [{"name": tone.name, "description": tone.description} for tone in list_tones()]
    lines = [f"{row['name']:12} {row['description']}" for row in rows]
    lines += ["", "transitions (--transition):"]
    lines += [f"{name:24} {source} -> {target}" for name, (source, target) in TRANSITIONS.items()]
    print_result(as_json, {"tones": rows, "transitions": TRANSITIONS}, lines)


@app.command()
def separators(as_json: Json = False) -> None:
    """List the separators that are installed."""
    from morphsep import registry

    list_plugins(registry.describe("separator"), as_json)


@app.command()
def backends(as_json: Json = False) -> None:
    """List the backends that are installed, with their licences."""
    from morphsep import registry

    list_plugins(registry.describe("backend"), as_json)


@manifest_app.command("show")
def manifestshow(
    out: Annotated[str, typer.Argument(help="An output folder.")], as_json: Json = False
) -> None:
    """One line a track."""
    show(out, as_json, only_failed=False)


@manifest_app.command("failed")
def manifest_failed(
    out: Annotated[str, typer.Argument(help="An output folder.")], as_json: Json = False
) -> None:
    """The tracks that failed or were skipped, and why."""
    show(out, as_json, only_failed=True)


@manifest_app.command("compact")
def manifest_compact(
    out: Annotated[str, typer.Argument(help="An output folder.")], as_json: Json = False
) -> None:
    """Join the manifest's parts into one file a table; no row is lost."""
    from morphsep.manifest import compact
    from morphsep.workspace import Workspace

    place = existing(out)
    with Workspace(place).locked():
        before, after = compact(place)
    print_result(as_json, {"before": before, "after": after}, [f"{before} parts -> {after}"])


@models_app.command("list")
def models_list(as_json: Json = False) -> None:
    """Models that can be fetched, and which are here."""
    from morphsep import weights

    models = weights.list_models()
    lines = [f"{m.name:18} {f'here: {m.path}' if m.path else 'not here'}" for m in models]
    for licence in dict.fromkeys(m.licence for m in models):
        named = ", ".join(m.name for m in models if m.licence == licence)
        lines.append(f"licence of the weights of {named}: {licence}")
    print_result(as_json, [asdict(m) for m in models], lines)


@models_app.command("fetch")
def models_fetch(
    name: Annotated[str, typer.Argument(help="Model name.")] = "htdemucs_6s",
    offline: Offline = False,
    as_json: Json = False,
) -> None:
    """Download a model's weights once, checked and whole."""
    from morphsep import weights

    path = weights.fetch(name, offline=offline)
    print_result(as_json, {"name": name, "path": str(path)}, [str(path)])


@models_app.command("verify")
def models_verify(
    name: Annotated[str, typer.Argument(help="Model name.")] = "htdemucs_6s", as_json: Json = False
) -> None:
    """Check the weights on this machine against their checksums."""
    from morphsep import weights

    checked = weights.verify(name)
    print_result(
        as_json, {"name": name, "files": [str(p) for p in checked]}, [f"ok {p}" for p in checked]
    )


@models_app.command("path")
def models_path(
    name: Annotated[str, typer.Argument(help="Model name.")] = "htdemucs_6s", as_json: Json = False
) -> None:
    """Where a model's weights are on this machine."""
    from morphsep import weights

    path = weights.path(name)
    print_result(as_json, {"name": name, "path": str(path)}, [str(path)])


def main() -> NoReturn:
    """Entry point: runs the command and turns what went wrong into a sentence and a code."""
    from morphsep import interrupt

    with interrupt.remembered():
        code, sentence = _run()
        if interrupt.happened() or code == INTERRUPTED:
            code, sentence = INTERRUPTED, "interrupted; the same command goes on where this stopped"
    if sentence:
        print(f"morphsep: {sentence}", file=sys.stderr)
    sys.exit(code)


INTERRUPTED = 130


def _run() -> tuple[int, str | None]:
    """The exit code of the command, and the sentence that explains it, if it needs one."""
    from morphsep.errors import MorphsepError

    try:
        # without standalone mode `typer.Exit` comes back as the result, Ctrl-C as 130
        return app(standalone_mode=False) or 0, None
    except MorphsepError as error:
        return (3 if isinstance(error, OSError) else 1), str(error)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED, None
    except OSError as error:
        return 3, f"{error}; nothing is lost: mend this and run the same command again"
    except Exception as error:
        # click's usage errors know how to show themselves
        if not hasattr(error, "show"):
            raise
        error.show()
        return 1, None
