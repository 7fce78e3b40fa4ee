"""``morphsep models``: weights of separators and backends on this machine."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from morphsep.cli.answers import print_answer, print_result
from morphsep.cli.options import Json, Offline

if TYPE_CHECKING:
    from morphsep.models import ModelInfo

models_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Model weights: what there is, and fetching it.",
)


@models_app.command("list")
def models_list(as_json: Json = False) -> None:
    """Models that are known, which are here, and how to get the others."""
    from morphsep import models

    found = models.list_models()
    lines = [f"{m.name:18} {_where(m)}" for m in found]
    for licence in dict.fromkeys(m.licence for m in found):
        named = ", ".join(m.name for m in found if m.licence == licence)
        lines.append(f"licence of the weights of {named}: {licence}")
    print_answer(as_json, [asdict(m) for m in found], lines)


def _where(model: ModelInfo) -> str:
    if model.path or model.is_fetched:
        return f"here: {model.path}" if model.path else "not here"
    size = (model.published_bytes or 0) / 1e6
    rest = "" if len(model.sha256) == 64 else "..."
    digest = f", sha256 {model.sha256}{rest}" if model.sha256 else ""
    return f"not here, not fetched: {model.file} ({size:.0f} MB{digest}) at {model.page}"


@models_app.command("fetch")
def models_fetch(
    name: Annotated[str, typer.Argument(help="Model name.")] = "htdemucs_6s",
    offline: Offline = False,
    as_json: Json = False,
) -> None:
    """Download a model's weights once, checked and whole."""
    from morphsep import models

    path = models.fetch(name, offline=offline)
    print_result(as_json, {"name": name, "path": str(path)}, [str(path)])


@models_app.command("verify")
def models_verify(
    name: Annotated[str, typer.Argument(help="Model name.")] = "htdemucs_6s", as_json: Json = False
) -> None:
    """Check the weights on this machine against their checksums."""
    from morphsep import models

    checked = models.verify(name)
    print_result(
        as_json,
        {
            "name": name,
            "files": [str(path) for path in checked],
            "unchecked": [str(path) for path, is_known in checked.items() if not is_known],
        },
        [
            f"{'ok' if known else 'no checksum is known of'} {path}"
            for path, known in checked.items()
        ],
    )


@models_app.command("path")
def models_path(
    name: Annotated[str, typer.Argument(help="Model name.")] = "htdemucs_6s", as_json: Json = False
) -> None:
    """Where a model's weights are on this machine."""
    from morphsep import models

    path = models.path(name)
    print_answer(as_json, {"name": name, "path": str(path)}, [str(path)])
