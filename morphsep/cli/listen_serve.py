"""``morphsep listen serve``: a listening test as a page."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from morphsep.cli.answers import print_result
from morphsep.cli.options import Json

ADDRESS = "serving.json"
"""The token and port of a test, for its owner's eyes: links work again after a new start."""


def listen_serve(
    folder: Annotated[
        str, typer.Argument(metavar="TEST", help="Folder that `listen make` has written.")
    ],
    consent: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="Text that listeners agree to first; unless told, a short one of ours.",
        ),
    ] = None,
    headphone_check: Annotated[
        bool, typer.Option(help="Let only those go on who hear that they wear headphones.")
    ] = True,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; 127.0.0.1: this machine only.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            show_default=False,
            help="Unless told, the test's last one if it is free, or any.",
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            show_default=False,
            help="How listeners reach it, if a server with TLS stands before it.",
        ),
    ] = None,
    new_token: Annotated[
        bool, typer.Option("--new-token", help="Make links that were given out before void.")
    ] = False,
    i_know: Annotated[
        bool,
        typer.Option("--i-know", help="Listen beyond this machine although nothing is secret."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Ask listeners. Serves the test as a page, and prints its link; answers are saved one by one
    in TEST/results. Ctrl-C ends it; the same command goes on where everybody was."""
    from morphsep.evaluation.session import Hosting, listening_app, read_consent
    from morphsep.serving import check_installed, opened, read_remembered, remember, serve
    from morphsep.storage import location, lock

    check_installed()
    test = location(folder)
    text = read_consent(None if consent is None else location(consent))
    hosting = Hosting(test, text, headphone_check)
    known = read_remembered(test / ADDRESS)
    ports = (port,) if port is not None else (known.port, 0) if known else (0,)
    token = None if known is None or new_token else known.token
    with (
        lock(test),
        opened(host=host, ports=ports, url=url, token=token, is_known_to_be_open=i_know) as ready,
    ):
        remember(test / ADDRESS, ready.address)
        hosting.read()
        facts = {"link": ready.address.link, "test": hosting.test.id}
        print_result(as_json, facts, [f"open {ready.address.link}"])
        sys.stdout.flush()
        serve(listening_app(hosting, ready.address), ready)
