"""``morphsep manifest``: what a folder's manifest says."""

from __future__ import annotations

from typing import Annotated

import typer

from morphsep.cli.options import Json
from morphsep.cli.running import existing, print_result, show

manifest_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Look at, or tidy, a folder's manifest."
)


@manifest_app.command("show")
def manifest_show(
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
    from morphsep.stages import Workspace

    place = existing(out)
    with Workspace(place).locked():
        before, after = compact(place)
    print_result(as_json, {"before": before, "after": after}, [f"{before} parts -> {after}"])
