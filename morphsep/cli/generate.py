"""``morphsep generate``: a data set from recordings of guitars."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from morphsep.cli.derived import derived
from morphsep.cli.running import GenerateOptions
from morphsep.request import Settings

if TYPE_CHECKING:
    from morphsep.dataset import Generated


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
            help="Leave out sources that forbid commercial use, or of which no licence is known.",
        ),
    ] = False,
    new: Annotated[
        bool, typer.Option("--new", help="Give up another data set in the folder.")
    ] = False,
    options: GenerateOptions,
) -> None:
    """Make a data set of clips, dry and changed: Parquet that `datasets` and duckdb read. The same
    command again goes on where it stopped."""
    from morphsep.errors import SettingError

    if example is not None:
        from morphsep.dataset.recipe import example as text_of

        print(text_of(example), end="")
        return
    if not sources or out is None or recipe is None:
        raise SettingError(
            "a data set needs recordings, -o DATASET and --recipe RECIPE.yaml; "
            "`morphsep generate --example drive-ladder > recipe.yaml` writes one"
        )
    made = _generated(sources, out, recipe, settings, commercial_only, new, options)
    _show(made, out, options.as_json)
    raise typer.Exit(made.exit_code)


def _generated(
    sources: list[str],
    out: str,
    recipe: str,
    settings: Settings,
    commercial_only: bool,
    new: bool,
    options: GenerateOptions,
) -> Generated:
    from morphsep.cli import display
    from morphsep.dataset import Running, Wanted, generate
    from morphsep.dataset.recipe import read_recipe
    from morphsep.request import collect
    from morphsep.run import is_for_cluster, keep_freed_memory, settle_jobs
    from morphsep.storage import location

    read, text = read_recipe(recipe)
    keep_freed_memory()
    pool = options.pool()
    jobs = collect(sources, out, settings, "generate")
    jobs = settle_jobs(jobs, is_for_cluster(options.executor, pool))
    if not options.as_json:
        display.say_separators(jobs)
    with display.progress(jobs, quiet=options.as_json) as watch:
        running = Running(
            executor=options.executor, pool=pool, work_in=options.work_in,
            max_failures=options.max_failures, timeout=options.timeout,
            on_progress=watch.event, on_outcome=watch.outcome,
        )  # fmt: skip
        wanted = Wanted(recipe=read, text=text, commercial_only=commercial_only, new=new)
        return generate(jobs, location(out), wanted, running)


def _show(made: Generated, out: str, as_json: bool) -> None:
    from morphsep.cli import display
    from morphsep.cli.answers import print_result

    facts: dict[str, Any] = {
        "path": out, "rows": made.rows, "rejected": made.rejected,
        "shards": [shard.name for shard in made.shards], "exit_code": made.exit_code,
    }  # fmt: skip
    if made.summary is not None:
        facts |= {"sources": display.as_json(made.summary)}
        if not as_json:
            display.closing_table(made.summary, out)
    print_result(as_json, facts, _lines(made, out))


def _lines(made: Generated, out: str) -> Iterator[str]:
    size = sum(shard.bytes for shard in made.shards)
    if made.summary is None:
        yield "nothing to do: the data set is finished"
    yield f"{out}: {made.rows} rows in {len(made.shards)} shards, {size / 2**20:.0f} MiB"
    if made.rejected:
        yield f"left out: {made.rejected} rows, see {out.rstrip('/')}/rejected.parquet"
    yield f"read {out.rstrip('/')}/README.md"
