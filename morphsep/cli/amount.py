"""``morphsep amount``: the curve of an amount that follows the playing, to look at and to edit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from morphsep.cli.answers import print_result
from morphsep.cli.options import Json, WorkIn, local_path


def amount(
    song: Annotated[
        str,
        typer.Argument(metavar="SONG", show_default=False, help="A song, or a guitar alone."),
    ],
    followed: Annotated[
        str,
        typer.Argument(
            metavar="AMOUNT",
            help='As --amount of morph: "follow level 0.1..0.9 attack=10ms release=300ms", ...',
        ),
    ] = "follow level",
    out: Annotated[
        Path,
        typer.Option(
            "-o",
            "--out",
            parser=local_path,
            metavar="PATH",
            help="CSV file to write; --amount takes it.",
        ),
    ] = Path("curve.csv"),
    picture: Annotated[
        Path | None,
        typer.Option(
            parser=local_path,
            metavar="PATH",
            help="PNG file to write: the guitar's spectrogram, and the amount below it.",
        ),
    ] = None,
    separator: Annotated[
        str, typer.Option(help="As of morph; none: the recording is a guitar alone.")
    ] = "auto",
    stem: Annotated[str | None, typer.Option(help="As of morph: your own stem.")] = None,
    work_in: WorkIn = None,
    as_json: Json = False,
) -> None:
    """Write the curve that an amount comes to on a song, to look at or to edit. --work OUT takes
    the stem that `morph -o OUT` has left there, or leaves it."""
    from morphsep.api import follow_file
    from morphsep.cli.bars import bars, timed
    from morphsep.errors import SettingError
    from morphsep.stages import Event
    from morphsep.storage import whole

    for path, suffix in ((out, ".csv"), (picture, ".png")):
        if path is not None and path.suffix.lower() != suffix:
            raise SettingError(f"{path} must end in {suffix}")
    with bars(as_json, *timed()) as shown:
        task = shown.add_task("amount", total=1.0)

        def report(event: Event) -> None:
            shown.update(task, completed=event.done / event.total, description=event.stage)

        curve = follow_file(
            song, followed, picture=picture, separator=separator, stem=stem, work_in=work_in,
            on_progress=report,
        )  # fmt: skip
    with whole(out) as part:
        part.write_text(curve.csv(), encoding="utf-8")
    amounts = [each for _, each in curve.points]
    found = {"path": str(out), "points": len(amounts), "min": min(amounts), "max": max(amounts)}
    written = [str(out), *([str(picture)] if picture else [])]
    line = f"{', '.join(written)}: {len(amounts)} points from {min(amounts):g} to {max(amounts):g}"
    print_result(as_json, found | {"picture": str(picture) if picture else None}, [line])
