"""The command line. Parses, calls, prints; every command answers ``--json`` too.

Exit codes: 0 all done, 1 usage or configuration, 2 some tracks failed, 3 nothing could be done.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from morphsep.inputs import Task
    from morphsep.settings import Settings

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


def _version(wanted: bool) -> None:
    if wanted:
        from morphsep import __version__

        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Change a guitar's tone inside finished recordings: separate, morph, put back."""


Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT...",
        show_default=False,
        help="Files, folders (searched through), or a list (.csv, .parquet) with a column path "
        "and, if wanted, output, to, from, transition, amount, stem, separator, backend, format, "
        "subtype.",
    ),
]
Out = Annotated[Path, typer.Option("-o", "--out", help="Folder for results and manifest.")]
To = Annotated[str | None, typer.Option(help="Tone to morph towards (see `morphsep tones`).")]
From = Annotated[str, typer.Option("--from", help="Tone to morph from.")]
Transition = Annotated[
    str | None,
    typer.Option(help="A named pair instead of --from and --to (clean-to-distortion, ...)."),
]
Amount = Annotated[
    str, typer.Option(help='0 to 1, a curve such as "0:00=0 0:05=1", or a CSV file time,amount.')
]
SeparatorName = Annotated[
    str, typer.Option(help="auto, demucs, demucs:MODEL, harmonic, stem or none.")
]
Stem = Annotated[
    str | None,
    typer.Option(help="Your own stem: a file, or a pattern such as {stem}.guitar.wav beside it."),
]
BackendName = Annotated[str, typer.Option(help="auto, chain, spectral, crossfade or vocoder.")]
Chunk = Annotated[float, typer.Option(help="Length of a chunk in seconds, 5 to 10.")]
Section = Annotated[float, typer.Option(help="Length of a section in seconds: decides memory.")]
Uniform = Annotated[
    bool, typer.Option("--uniform/--no-uniform", help="Space amounts by what is heard.")
]
Format = Annotated[
    str | None, typer.Option(help="Output container (wav, flac, aiff, caf, w64, rf64, ogg).")
]
Subtype = Annotated[
    str | None, typer.Option(help="Output sample format (PCM_16, PCM_24, PCM_32, FLOAT, ...).")
]
Channels = Annotated[
    str | None, typer.Option(help="Which two channels of a file with more, from 1: 1,2.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Shifts = Annotated[
    int, typer.Option(help="Demucs: time offsets to average over (slower, cleaner).")
]
Seed = Annotated[int, typer.Option(help="Seed of everything that is drawn.")]
Offline = Annotated[bool, typer.Option("--offline", help="Never touch the network.")]
ExecutorName = Annotated[str, typer.Option("--executor", help="local or ray.")]
Force = Annotated[bool, typer.Option("--force", help="Do everything again.")]
Rerun = Annotated[
    str | None, typer.Option(metavar="failed", help="Only the tracks that failed last time.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@app.command()
def morph(
    inputs: Inputs,
    out: Out,
    to: To = None,
    from_: From = "as-recorded",
    transition: Transition = None,
    amount: Amount = "1",
    separator: SeparatorName = "auto",
    stem: Stem = None,
    backend: BackendName = "auto",
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
    executor: ExecutorName = "local",
    force: Force = False,
    rerun: Rerun = None,
    as_json: Json = False,
) -> None:
    """Change the guitar's tone in whole recordings. The same command again does only what is
    not done."""
    from_, to = _pair_of_tones(from_, to, transition, inputs)
    settings = _settings(
        to=to, from_=from_, amount=amount, separator=separator, stem=stem,
        backend=backend, chunk=chunk, section=section, uniform=uniform, format=format,
        subtype=subtype, channels=_pair(channels), device=device, shifts=shifts, seed=seed,
        offline=offline,
    )  # fmt: skip
    _run(inputs, out, settings, "morph", executor, force, rerun, as_json)


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
    executor: ExecutorName = "local",
    force: Force = False,
    rerun: Rerun = None,
    as_json: Json = False,
) -> None:
    """Write only the guitar and the backing. They add up to the mix; float WAV unless told."""
    settings = _settings(
        separator=separator, stem=stem, section=section, format=format, subtype=subtype,
        channels=_pair(channels), device=device, shifts=shifts, seed=seed, offline=offline,
    )  # fmt: skip
    _run(inputs, out, settings, "separate", executor, force, rerun, as_json)


@app.command()
def preview(
    inputs: Inputs,
    out: Out,
    to: To = None,
    from_: From = "as-recorded",
    transition: Transition = None,
    amount: Amount = "1",
    separator: SeparatorName = "auto",
    stem: Stem = None,
    backend: BackendName = "auto",
    at: Annotated[
        str, typer.Option(help="Where the 20 seconds begin (m:ss); at the end, the last 20.")
    ] = "0:00",
    device: Device = "auto",
    offline: Offline = False,
    as_json: Json = False,
) -> None:
    """The same on 20 seconds of each song. OUT/NAME.wav, and OUT/before/NAME.wav to compare."""
    from morphsep.preview import cut_inputs

    from_, to = _pair_of_tones(from_, to, transition, inputs)
    settings = _settings(
        to=to, from_=from_, amount=amount, separator=separator, stem=stem,
        backend=backend, device=device, offline=offline,
    )  # fmt: skip
    jobs = cut_inputs(inputs, out, settings, at)
    _run_jobs(jobs, out, "morph", "local", False, as_json)


@app.command()
def plan(
    inputs: Inputs,
    out: Out = Path("out"),
    to: To = None,
    from_: From = "as-recorded",
    transition: Transition = None,
    amount: Amount = "1",
    separator: SeparatorName = "auto",
    stem: Stem = None,
    backend: BackendName = "auto",
    chunk: Chunk = 8.0,
    section: Section = 300.0,
    offline: Offline = False,
    as_json: Json = False,
) -> None:
    """What a run would do and cost. Files, hours, chunks, time, memory, disk; touches nothing."""
    from morphsep import estimate
    from morphsep.inputs import collect

    from_, to = _pair_of_tones(
        from_, to or (None if transition else "distortion"), transition, inputs
    )
    settings = _settings(
        to=to, from_=from_, amount=amount, separator=separator, stem=stem,
        backend=backend, chunk=chunk, section=section, offline=offline,
    )  # fmt: skip
    planned = estimate.plan(collect(inputs, out, settings), out)
    _print(as_json, asdict(planned), planned.lines())


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
    _print(as_json, [asdict(c) for c in found], lines)
    raise typer.Exit(1 if any(c.state == "missing" for c in found) else 0)


@app.command()
def verify(
    out: Annotated[Path, typer.Argument(help="An output folder.")], as_json: Json = False
) -> None:
    """Re-check finished work. From its manifest, against what morphsep promises."""
    from morphsep.verify import verify as check

    _existing(out)
    count, findings = check(out)
    lines = [f"promise {f.promise}: {f.track}: {f.message}" for f in findings]
    lines.append(f"{count} tracks checked, {len(findings)} findings")
    _print(as_json, {"tracks": count, "findings": [asdict(f) for f in findings]}, lines)
    raise typer.Exit(3 if count == 0 else 2 if findings else 0)


@app.command()
def tones(as_json: Json = False) -> None:
    """List the tones and the named transitions."""
    from morphsep.tones import TRANSITIONS, list_tones

    rows = [{"name": tone.name, "description": tone.description} for tone in list_tones()]
    lines = [f"{row['name']:12} {row['description']}" for row in rows]
    lines += ["", "transitions (--transition):"]
    lines += [f"{name:24} {source} -> {target}" for name, (source, target) in TRANSITIONS.items()]
    _print(as_json, {"tones": rows, "transitions": TRANSITIONS}, lines)


@app.command()
def separators(as_json: Json = False) -> None:
    """List the separators that are installed."""
    from morphsep import registry

    _list_plugins(registry.describe("separator"), as_json)


@app.command()
def backends(as_json: Json = False) -> None:
    """List the backends that are installed, with their licences."""
    from morphsep import registry

    _list_plugins(registry.describe("backend"), as_json)


@manifest_app.command("show")
def manifest_show(
    out: Annotated[Path, typer.Argument(help="An output folder.")], as_json: Json = False
) -> None:
    """One line a track."""
    _show(out, as_json, only_failed=False)


@manifest_app.command("failed")
def manifest_failed(
    out: Annotated[Path, typer.Argument(help="An output folder.")], as_json: Json = False
) -> None:
    """The tracks that failed or were skipped, and why."""
    _show(out, as_json, only_failed=True)


@manifest_app.command("compact")
def manifest_compact(
    out: Annotated[Path, typer.Argument(help="An output folder.")], as_json: Json = False
) -> None:
    """Join the manifest's parts into one file a table; no row is lost."""
    from morphsep.manifest import compact
    from morphsep.workspace import Workspace

    _existing(out)
    with Workspace(out).locked():
        before, after = compact(out)
    _print(as_json, {"before": before, "after": after}, [f"{before} parts -> {after}"])


@models_app.command("list")
def models_list(as_json: Json = False) -> None:
    """Models that can be fetched, and which are here."""
    from morphsep import weights

    models = weights.list_models()
    lines = [f"{m.name:18} {f'here: {m.path}' if m.path else 'not here'}" for m in models]
    lines.append(f"licence of the weights: {weights.LICENCE}")
    _print(as_json, [asdict(m) for m in models], lines)


@models_app.command("fetch")
def models_fetch(
    name: Annotated[str, typer.Argument(help="Model name.")] = "htdemucs_6s",
    offline: Offline = False,
    as_json: Json = False,
) -> None:
    """Download a model's weights once, checked and whole."""
    from morphsep import weights

    path = weights.fetch(name, offline=offline)
    _print(as_json, {"name": name, "path": str(path)}, [str(path)])


@models_app.command("verify")
def models_verify(
    name: Annotated[str, typer.Argument(help="Model name.")] = "htdemucs_6s", as_json: Json = False
) -> None:
    """Check the weights on this machine against their checksums."""
    from morphsep import weights

    checked = weights.verify(name)
    _print(
        as_json, {"name": name, "files": [str(p) for p in checked]}, [f"ok {p}" for p in checked]
    )


@models_app.command("path")
def models_path(
    name: Annotated[str, typer.Argument(help="Model name.")] = "htdemucs_6s", as_json: Json = False
) -> None:
    """Where a model's weights are on this machine."""
    from morphsep import weights

    path = weights.path(name)
    _print(as_json, {"name": name, "path": str(path)}, [str(path)])


def main() -> NoReturn:
    """Entry point: runs the command and turns what went wrong into a sentence and a code."""
    from morphsep.errors import MorphsepError

    try:
        # without standalone mode `typer.Exit` comes back as the result, Ctrl-C as 130
        code = app(standalone_mode=False)
    except MorphsepError as error:
        _fail(str(error), 1)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except OSError as error:
        _fail(f"{error}; nothing is lost: mend this and run the same command again", 3)
    except Exception as error:
        # click's usage errors know how to show themselves
        if not hasattr(error, "show"):
            raise
        error.show()
        code = 1
    if code == INTERRUPTED:
        _fail("interrupted; the same command goes on where this one stopped", INTERRUPTED)
    sys.exit(code or 0)


INTERRUPTED = 130


def _fail(sentence: str, code: int) -> NoReturn:
    print(f"morphsep: {sentence}", file=sys.stderr)
    sys.exit(code)


def _settings(**values: Any) -> Settings:
    from morphsep.api import make_settings

    return make_settings(**values)


def _pair_of_tones(
    from_: str, to: str | None, transition: str | None, inputs: Sequence[str]
) -> tuple[str, str]:
    """The tones that --from, --to and --transition mean; a list may name them row by row."""
    from morphsep.errors import SettingError
    from morphsep.inputs import LISTS
    from morphsep.settings import AS_RECORDED
    from morphsep.tones import get_transition

    if transition is not None:
        if to is not None or from_ != AS_RECORDED:
            raise SettingError("--transition names both tones: leave --from and --to away")
        return get_transition(transition)
    if to is None and not all(Path(i).suffix[1:].lower() in LISTS for i in inputs):
        raise SettingError("say which tone to morph towards: --to TONE or --transition NAME")
    return from_, to or AS_RECORDED


def _pair(channels: str | None) -> tuple[int, int] | None:
    from morphsep.errors import SettingError

    if channels is None:
        return None
    try:
        first, second = (int(part) for part in channels.split(","))
    except ValueError:
        raise SettingError(f"--channels needs two numbers such as 1,2, got {channels!r}") from None
    if min(first, second) < 1 or first == second:
        raise SettingError(f"--channels counts from 1 and needs two different ones: {channels!r}")
    return first - 1, second - 1


def _run(
    inputs: Sequence[str],
    out: Path,
    settings: Settings,
    task: Task,
    executor: str,
    force: bool,
    rerun: str | None,
    as_json: bool,
) -> None:
    from morphsep.errors import SettingError
    from morphsep.inputs import collect
    from morphsep.run import only_failed

    jobs = collect(inputs, out, settings, task)
    if rerun is not None:
        if rerun != "failed":
            raise SettingError(f"--rerun knows only `failed`, got {rerun!r}")
        jobs = only_failed(jobs, out)
    _run_jobs(jobs, out, task, executor, force, as_json)


def _run_jobs(jobs: Any, out: Path, task: Task, executor: str, force: bool, as_json: bool) -> None:
    from morphsep import display
    from morphsep.run import run, settle_jobs

    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s", stream=sys.stderr)
    jobs = settle_jobs(jobs)
    if not as_json:
        display.say_separators(jobs)
    with display.progress(jobs, quiet=as_json) as watch:
        summary = run(
            jobs, out, task=task, executor=executor, force=force,
            on_progress=watch.event, on_outcome=watch.outcome,
        )  # fmt: skip
    if as_json:
        print(json.dumps(display.as_json(summary), ensure_ascii=False, allow_nan=False))
    else:
        display.closing_table(summary, out)
    raise typer.Exit(summary.exit_code)


def _existing(out: Path) -> None:
    from morphsep.errors import SettingError
    from morphsep.manifest import folder

    if not folder(out, "tracks").is_dir():
        raise SettingError(f"{out} holds no manifest; name the folder that was given as --out")


def _show(out: Path, as_json: bool, only_failed: bool) -> None:
    from morphsep.manifest import read_tracks

    _existing(out)
    rows = [row for row in read_tracks(out) if not (only_failed and row.status == "ok")]
    lines = [
        f"{row.status:8} {row.track}"
        + (f"  {row.error_code}: {row.message}" if row.status != "ok" else "")
        for row in rows
    ]
    _print(as_json, [asdict(row) for row in rows], lines or ["nothing"])


def _list_plugins(found: Sequence[dict[str, str]], as_json: bool) -> None:
    lines = [f"{p['name']:10} {p['licence']:14} {p['description']}" for p in found]
    _print(as_json, found, lines)


def _print(as_json: bool, value: Any, lines: Sequence[str]) -> None:
    if as_json:
        print(json.dumps(value, ensure_ascii=False, default=os.fspath))
    else:
        print("\n".join(lines))
