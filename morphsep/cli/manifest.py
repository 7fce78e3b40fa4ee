"""``morphsep manifest``: what a folder's manifest says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from morphsep.cli.answers import existing, print_answer, print_result
from morphsep.cli.options import Json

if TYPE_CHECKING:
    from morphsep.manifest import TrackRow

LONGEST_AMOUNT = 32
"""Characters of an amount curve that is shown."""

manifest_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Look at, or tidy, a folder's manifest."
)


@manifest_app.command("show")
def manifest_show(
    out: Annotated[str, typer.Argument(help="An output folder.")], as_json: Json = False
) -> None:
    """One line a track: how it came out, tones and amount, backend, separator. Warnings below."""
    _show(out, as_json, only_failed=False)


@manifest_app.command("failed")
def manifest_failed(
    out: Annotated[str, typer.Argument(help="An output folder.")], as_json: Json = False
) -> None:
    """The tracks that failed or were skipped, and why."""
    _show(out, as_json, only_failed=True)


@manifest_app.command("compact")
def manifest_compact(
    out: Annotated[str, typer.Argument(help="An output folder.")], as_json: Json = False
) -> None:
    """Join the manifest's parts into one file a table; no row is lost."""
    from morphsep.manifest import compact
    from morphsep.stages import Workspace

    folder = existing(out)
    with Workspace(folder).locked():
        before, after = compact(folder)
    print_result(as_json, {"before": before, "after": after}, [f"{before} parts -> {after}"])


def _show(out: str, as_json: bool, only_failed: bool) -> None:
    """Prints one line a track."""
    from morphsep.manifest import read_tracks

    rows = [row for row in read_tracks(existing(out)) if not (only_failed and row.status == "ok")]
    lines = [line for row in rows for line in _lines(row)]
    print_answer(as_json, [asdict(row) for row in rows], lines or ["nothing"])


def _lines(row: TrackRow) -> Iterator[str]:
    """A track's line: how it came out, what was made of it or why not, and one for each warning."""
    yield f"{row.status:8} {row.track}  {_made(row) if row.status == 'ok' else _why(row)}".rstrip()
    warnings = (row.stem_warning, row.tone_warning, row.backend_warning)
    for each in filter(None, warnings):
        yield f"{'':8} {each}"
    if row.tags_warning:
        yield f"{'':8} tags left out: {row.tags_warning}"


def _why(row: TrackRow) -> str:
    return f"{row.error_code}: {row.message}"


def _made(row: TrackRow) -> str:
    """What was made, of what is known of it."""
    amount = row.amount if row.amount and len(row.amount) <= LONGEST_AMOUNT else "a curve"
    tones = f"{row.from_tone} -> {row.to_tone} at {amount}" if row.to_tone else None
    told = (tones, row.backend, row.separator)
    return "  ".join(filter(None, told))
