"""``morphsep evaluate OUT``: scores for finished work."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import typer

from morphsep.cli.answers import existing, exit_code, print_lines
from morphsep.cli.bars import bars

if TYPE_CHECKING:
    from morphsep.evaluation.document import Table
    from morphsep.evaluation.finished import FinishedResults
    from morphsep.run import Pool


def evaluate_out(out: str, executor: str, pool: Pool, force: bool, as_json: bool) -> None:
    """Measures every track of an output folder, prints a row a backend, and exits."""
    from morphsep.cli import streams
    from morphsep.evaluation.finished import evaluate_finished

    folder = existing(out)
    with bars(as_json) as shown:
        task = shown.add_task("tracks", total=None)
        results = evaluate_finished(
            folder, executor=executor, pool=pool, force=force,
            on_progress=lambda done, total: shown.update(task, completed=done, total=total),
        )  # fmt: skip
    if as_json:
        print(streams.as_json(_facts(results, out)))
    else:
        _print(results, out)
    raise typer.Exit(exit_code(failed=len(results.failed), done=len(results.done)))


def _facts(results: FinishedResults, out: str) -> dict[str, object]:
    from morphsep.evaluation.finished import FOLDER

    return {
        "path": f"{out.rstrip('/')}/{FOLDER}",
        "tracks": len(results.scores),
        "measured": len(results.done),
        "without_scores": {
            score.track: {"error_code": score.error_code, "message": score.message}
            for score in results.scores
            if score.error_code
        },
    }


def _print(results: FinishedResults, out: str) -> None:
    from morphsep.evaluation.finished import FOLDER, summary

    if results.done:
        _print_turned(summary(results))
    counts = Counter(score.error_code for score in results.scores if score.error_code)
    where = f"{out.rstrip('/')}/{FOLDER}"
    print_lines(
        [
            f"{len(results.done)} of {len(results.scores)} tracks measured; read {where}/report.md "
            f"or open {where}/report.html",
            *(f"without scores: {count} {code}" for code, count in sorted(counts.items())),
        ]
    )


def _print_turned(table: Table) -> None:
    """A row a measure, since there are fewer backends than measures."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table as RichTable

    from morphsep.cli.streams import shown

    first, *others = zip(table.heads, *table.rows, strict=True)
    printed = RichTable(*(escape(shown(head)) for head in first))
    for cells in others:
        printed.add_row(*(escape(shown(cell)) for cell in cells))
    Console().print(printed)
