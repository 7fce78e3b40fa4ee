"""``morphsep stops``: pages with every place of the knob between two tones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from morphsep.cli.answers import exit_code, print_result
from morphsep.cli.options import Json

if TYPE_CHECKING:
    from morphsep.errors import TrackError
    from morphsep.stops import Page


def stops(
    songs: Annotated[
        list[str],
        typer.Argument(metavar="SONG...", show_default=False, help="Songs, or guitars alone."),
    ],
    to: Annotated[
        list[str],
        typer.Option(help="Tone at the end of the knob; again for more pages.", show_default=False),
    ],
    out: Annotated[str, typer.Option("-o", "--out", metavar="PAGE", help="Folder for the pages.")],
    from_: Annotated[
        str, typer.Option("--from", help="Tone at the beginning of the knob.")
    ] = "clean",
    backend: Annotated[str, typer.Option(help="What morphs; see `morphsep backends`.")] = "chain",
    steps: Annotated[
        int, typer.Option(min=2, max=41, help="Stops, both ends among them; 11: 0, 0.1, ... 1.")
    ] = 11,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            show_default=False,
            help="Where the loop begins (m:ss); unless told, where the song is loudest.",
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, max=30, help="Length of the loop.")] = 8.0,
    separator: Annotated[
        str, typer.Option(help="As of morph; none: the recording is a guitar alone.")
    ] = "auto",
    as_json: Json = False,
) -> None:
    """Hear every stop of the knob. Writes a page for each song and tone that opens without a
    server: sounds to switch between, pictures, where the sound breaks up, what the knobs show.
    Exit code 2: a song could not be done; 3: none could."""
    from morphsep.errors import TrackError
    from morphsep.request import parse_time
    from morphsep.stops import (
        Wanted,
        build_recipes,
        check_folder,
        make_transition,
        read_excerpt,
        write_pages,
    )
    from morphsep.storage import location

    folder, begin = location(out), None if at is None else parse_time(at)
    wanted = [Wanted(to=tone, from_=from_, backend=backend, steps=steps) for tone in to]
    check_folder(folder)
    for each in wanted:
        build_recipes(each)  # refused before minutes of separation
    pages: list[Page] = []
    failed: list[tuple[str, TrackError]] = []
    for song in songs:
        try:
            excerpt = read_excerpt(song, separator=separator, at=begin, seconds=seconds)
            pages += [write_pages(folder, make_transition(excerpt, each)) for each in wanted]
        except TrackError as error:
            failed.append((song, error))
    found = [*(_page(out, page) for page in pages), *(_failure(*each) for each in failed)]
    print_result(as_json, found, _lines(out, pages, failed))
    raise typer.Exit(exit_code(failed=len(failed), done=len(pages)))


def _page(out: str, page: Page) -> dict[str, Any]:
    return asdict(page) | {"path": f"{out.rstrip('/')}/{page.file}"}


def _failure(song: str, error: TrackError) -> dict[str, Any]:
    return {"song": song, "error_code": error.code, "message": error.message}


def _lines(out: str, pages: list[Page], failed: list[tuple[str, TrackError]]) -> Iterator[str]:
    for page in pages:
        where = f"{page.seconds:g} s from {page.start:.1f} s on"
        yield f"{page.title}, {where}: the sound {page.sound}"
        yield f"  {out.rstrip('/')}/{page.file}"
    for song, error in failed:
        yield f"{song}: {error.code}: {error.message}"
    if pages:
        yield f"all pages: {out.rstrip('/')}/index.html"
