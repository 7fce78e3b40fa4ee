"""``morphsep generate``: a data set from recordings of guitars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from morphsep.cli.answers import print_answer, print_result
from morphsep.cli.derived import derived
from morphsep.cli.options import DryRun
from morphsep.cli.running import GenerateOptions
from morphsep.request import Settings

if TYPE_CHECKING:
    from morphsep.dataset import Generated, Wanted
    from morphsep.request import Job

WITHOUT = (
    "a data set needs recordings, -o DATASET and --recipe RECIPE.yaml; "
    "`morphsep generate --example drive-ladder > recipe.yaml` writes one"
)
EXPORTING = (
    "--export takes one finished data set and a folder of its own: "
    "morphsep generate DATASET -o FOLDER --export webdataset"
)


@derived("generate")
def generate(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE...",
            show_default=False,
            help="Recordings: files, folders (searched through), or a list (.csv, .tsv, .jsonl, "
            ".parquet) with a column path and, if wanted, song, artist, player, licence, "
            "source_url, attribution, stem, separator.",
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option("-o", "--out", metavar="DATASET", help="Folder: a path, or s3://..."),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(metavar="RECIPE.yaml", help="What is made of each clip; see --example."),
    ] = None,
    example: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Print a recipe with comments: drive-ladder, five-transitions or random-chains.",
        ),
    ] = None,
    *,
    settings: Settings,
    commercial_only: Annotated[
        bool,
        typer.Option(
            "--commercial-only",
            help="Leave out recordings that forbid commercial use, or of which no licence is "
            "known; refuse such backends and weights.",
        ),
    ] = False,
    audio: Annotated[
        bool,
        typer.Option("--audio/--no-audio", help="Write the sound, or only what it was made from."),
    ] = True,
    render: Annotated[
        str | None,
        typer.Option(
            metavar="DATASET",
            help="Make the sound of a data set that was written with --no-audio, and compare it.",
        ),
    ] = None,
    export: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT",
            help="Write a finished data set, named in place of recordings, for other loaders: "
            "webdataset or lhotse.",
        ),
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="Give up another data set in the folder.")
    ] = False,
    dry_run: DryRun = False,
    options: GenerateOptions,
) -> None:
    """Make a data set of clips, dry and changed: Parquet that `datasets` and duckdb read. The same
    command again goes on where it stopped."""
    from morphsep.errors import SettingError

    if example is not None:
        _print_example(example)
    elif export is not None:
        if out is None or recipe or render or new or dry_run:
            raise SettingError(EXPORTING)
        _export(sources or [], out, export, options)
    elif not sources or out is None or (recipe is None) == (render is None):
        raise SettingError(WITHOUT)
    else:
        wanted = _wanted(recipe, render, audio=audio, commercial_only=commercial_only, new=new)
        jobs = _jobs(sources, out, settings, options)
        if dry_run:
            _show_plan(jobs, out, wanted, options)
        else:
            _make(jobs, out, wanted, options, render)


def _print_example(name: str) -> None:
    from morphsep.dataset.recipe import example

    print(example(name), end="")


def _make(
    jobs: Sequence[Job], out: str, wanted: Wanted, options: GenerateOptions, original: str | None
) -> NoReturn:
    """Makes the data set, compares it with the one whose recipe it has, and exits."""
    made = _generated(jobs, out, wanted, options)
    differs = _compared(original, out) if original is not None else []
    _show(made, out, differs, options.as_json)
    raise typer.Exit(made.exit_code or (2 if differs else 0))


def _export(sources: Sequence[str], out: str, name: str, options: GenerateOptions) -> None:
    from morphsep.dataset import Running
    from morphsep.dataset.export import export
    from morphsep.errors import SettingError
    from morphsep.storage import location

    if len(sources) != 1:
        raise SettingError(EXPORTING)
    running = Running(executor=options.executor, pool=options.pool())
    made = export(location(sources[0]), location(out), name, running)
    size = sum(made.files.values())
    line = f"{out}: {made.rows} rows in {len(made.files)} files, {size / 2**20:.1f} MiB"
    lines = [line]
    if made.failed:
        lines.append(
            f"{len(made.failed)} recordings of the data set failed and are missing, such as "
            f"{made.failed[0]}: once they are mended, make it again and run this command again"
        )
    print_result(options.as_json, {"path": out} | asdict(made), lines)


def _wanted(recipe: str | None, render: str | None, *, audio: bool, **others: bool) -> Wanted:
    from morphsep.dataset import Wanted, recipe_of
    from morphsep.dataset.recipe import read_recipe
    from morphsep.storage import location

    read, text = read_recipe(recipe) if recipe else recipe_of(location(render or ""))
    return Wanted(recipe=replace(read, sound=audio), text=text, **others)


def _jobs(sources: list[str], out: str, settings: Settings, options: GenerateOptions) -> list[Job]:
    from morphsep.request import collect
    from morphsep.run import is_for_cluster, settle_jobs

    jobs = collect(sources, out, settings, "generate")
    return settle_jobs(jobs, is_for_cluster(options.executor, options.pool()))


def _show_plan(jobs: Sequence[Job], out: str, wanted: Wanted, options: GenerateOptions) -> None:
    from morphsep.dataset import plan
    from morphsep.run import is_for_cluster

    pool = options.pool()
    on_cluster = is_for_cluster(options.executor, pool)
    planned = plan(jobs, out, wanted.recipe, pool=pool, on_cluster=on_cluster)
    print_answer(options.as_json, asdict(planned), planned.lines())


def _generated(
    jobs: Sequence[Job], out: str, wanted: Wanted, options: GenerateOptions
) -> Generated:
    from morphsep.cli import display
    from morphsep.dataset import Running, generate
    from morphsep.run import keep_freed_memory
    from morphsep.storage import location

    keep_freed_memory()
    if not options.as_json:
        display.say_separators(jobs)
    with display.progress(jobs, quiet=options.as_json) as watch:
        running = Running(
            executor=options.executor, pool=options.pool(), work_in=options.work_in,
            max_failures=options.max_failures, timeout=options.timeout,
            on_progress=watch.event, on_outcome=watch.outcome,
        )  # fmt: skip
        return generate(jobs, location(out), wanted, running)


def _compared(original: str, out: str) -> list[str]:
    from morphsep.dataset import differences
    from morphsep.storage import location

    return differences(location(original), location(out))


def _show(made: Generated, out: str, differs: list[str], as_json: bool) -> None:
    from morphsep.cli import display

    facts: dict[str, Any] = {
        "path": out, "rows": made.rows, "rejected": made.rejected, "differs": differs,
        "shards": [shard.name for shard in made.shards], "exit_code": made.exit_code,
    }  # fmt: skip
    if made.summary is not None:
        facts |= {"sources": display.as_json(made.summary)}
        if not as_json:
            display.closing_table(made.summary, out)
    print_result(as_json, facts, [*_lines(made, out), *differs])


def _lines(made: Generated, out: str) -> Iterator[str]:
    size = sum(shard.bytes for shard in made.shards)
    if made.summary is None:
        yield "nothing to do: the data set is finished"
    yield f"{out}: {made.rows} rows in {len(made.shards)} shards, {size / 2**20:.1f} MiB"
    if made.rejected:
        yield f"left out: {made.rejected} rows, see {out.rstrip('/')}/rejected.parquet"
    if made.rows:
        yield f"read {out.rstrip('/')}/README.md"
