"""``morphsep evaluate``: how good the backends are, on recordings of guitars."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from morphsep.cli.answers import exit_code, print_result
from morphsep.cli.bars import bars
from morphsep.cli.evaluate_finished import evaluate_out
from morphsep.cli.options import Address, ExecutorName, Json, Workers
from morphsep.cli.running import ClusterOptions

if TYPE_CHECKING:
    from morphsep.evaluation.results import Results
    from morphsep.evaluation.tasks import Task

OF_TASKS = ("task", "captures", "backend", "pairs", "steps", "seconds", "cdpam")
OF_FINISHED = ("force",)
"""Options of either that the other has not."""


def evaluate(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            show_default=False,
            help="Recordings of guitars alone: files, folders, lists. Without -o: the output "
            "folder of finished work.",
        ),
    ],
    ctx: typer.Context,
    out: Annotated[
        str | None,
        typer.Option("-o", "--out", metavar="EVAL", help="Folder for sounds and tables."),
    ] = None,
    task: Annotated[
        str,
        typer.Option(
            help="five-transitions: the protocol of the paper, with built-in tones. "
            "captured-knobs: real amplifiers and pedals, captured with a knob."
        ),
    ] = "five-transitions",
    captures: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Captures (.json) of GuitarML, for captured-knobs."),
    ] = None,
    backend: Annotated[
        list[str] | None, typer.Option(help="Backend to evaluate; all of ours unless told.")
    ] = None,
    pairs: Annotated[int, typer.Option(min=1, help="Most clips of each transition.")] = 20,
    steps: Annotated[
        int, typer.Option(min=2, help="Steps from amount 0 to amount 1; 10: 0, 0.1, ... 1.")
    ] = 10,
    seconds: Annotated[float, typer.Option(min=1, help="Length of each clip.")] = 5.0,
    cdpam: Annotated[
        bool, typer.Option("--cdpam/--no-cdpam", help="CDPAM takes longer than all the rest.")
    ] = True,
    executor: ExecutorName = "auto",
    address: Address = None,
    workers: Workers = None,
    force: Annotated[
        bool, typer.Option("--force", help="Finished work: measure all again.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure the backends beside the real knob, or finished work: morphsep evaluate OUT. The
    same command again goes on where it stopped. Exit code 2: a recording could not be read, a
    backend failed for a clip, or a finished track could not be measured."""
    from morphsep.errors import SettingError
    from morphsep.evaluation.protocol import BACKENDS, Plan
    from morphsep.evaluation.protocol import evaluate as run
    from morphsep.request import Settings, collect
    from morphsep.storage import location

    pool = ClusterOptions(address=address, workers=workers).pool()
    if out is None:
        _refuse(ctx, OF_TASKS, "is for recordings of guitars: name a folder with -o, too")
        if len(sources) > 1:
            raise SettingError("one output folder at a time; recordings of guitars need -o EVAL")
        evaluate_out(sources[0], executor, pool, force, as_json)
        return
    _refuse(ctx, OF_FINISHED, "is for finished work, which is evaluated without -o")
    plan = Plan(
        task=_task(task, captures), backends=backend or BACKENDS, pairs=pairs, steps=steps,
        seconds=seconds, cdpam=cdpam,
    )  # fmt: skip
    jobs = collect(sources, out, Settings(), "separate")
    with _progress(as_json) as report:
        results = run(
            jobs, location(out), plan, executor=executor, pool=pool, on_progress=report
        )  # fmt: skip
    print_result(as_json, _facts(results, out), _lines(results, out))
    failed = len(results.failed) + len(results.unreadable)
    raise typer.Exit(exit_code(failed=failed, done=len(results.done)))


def _refuse(ctx: typer.Context, names: Iterable[str], why: str) -> None:
    """Refuses options that would change nothing.

    Raises:
        SettingError: one of them was given.
    """
    from morphsep.errors import SettingError

    for name in names:
        # its members are typer's own or click's, by typer's version
        source = ctx.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise SettingError(f"--{name} {why}")


def _task(name: str, captures: str | None) -> Task:
    """
    Raises:
        SettingError: no such task, or one without its captures, or with captures of no use.
    """
    from morphsep.errors import SettingError
    from morphsep.evaluation.tasks import CAPTURED_KNOBS, FIVE_TRANSITIONS, captured_knobs

    if name not in (FIVE_TRANSITIONS.name, CAPTURED_KNOBS):
        raise SettingError(f"--task {name}: there are {FIVE_TRANSITIONS.name}, {CAPTURED_KNOBS}")
    if (name == CAPTURED_KNOBS) != (captures is not None):
        raise SettingError(f"--task {CAPTURED_KNOBS} and --captures FOLDER need each other")
    return FIVE_TRANSITIONS if captures is None else captured_knobs(captures)


def _facts(results: Results, out: str) -> dict[str, object]:
    return {
        "path": out,
        "rows": len(results.scores),
        "failed": {f"{each.item}, {each.backend}": each.error for each in results.failed},
        "not_measured": results.not_measured,
        "left_out": results.left_out,
        "unreadable": results.unreadable,
    }


def _lines(results: Results, out: str) -> list[str]:
    done, rows = len(results.done), len(results.scores)
    return [
        f"{out}: {done} of {rows} sequences measured; read {out.rstrip('/')}/report.md "
        "or open report.html beside it",
        *(f"not measured: {name}: {why}" for name, why in results.not_measured.items()),
        *(f"left out: {path}: {why}" for path, why in results.left_out.items()),
        *(f"could not be read: {path}: {why}" for path, why in results.unreadable.items()),
        *(f"failed: {each.item}, {each.backend}: {each.error}" for each in results.failed),
    ]


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, which goes away at the end."""
    with bars(quiet) as shown:
        task = shown.add_task("clips", total=None)

        def report(done: int, total: int) -> None:
            shown.update(task, completed=done, total=total)

        yield report
