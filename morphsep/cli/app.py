"""The command line. Parses, calls, prints; every command answers ``--json`` too.

Exit codes: 0 all done, 1 usage or configuration, 2 some tracks failed, 3 nothing could be done.
"""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

from morphsep.cli import look, process, streams
from morphsep.cli.amount import amount
from morphsep.cli.evaluate import evaluate
from morphsep.cli.generate import generate
from morphsep.cli.listen import listen_app
from morphsep.cli.live import live_app
from morphsep.cli.lora import lora_app
from morphsep.cli.manifest import manifest_app
from morphsep.cli.match import match
from morphsep.cli.models import models_app
from morphsep.cli.restore import restore
from morphsep.cli.stops import stops

app = typer.Typer(
    name="morphsep",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help comes up in half the time
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Change a guitar's tone inside finished recordings: separate, morph, put back.",
)
for command in (
    *(process.morph, process.separate, process.preview, process.plan),
    *(look.doctor, look.verify, look.status, look.tones, look.separators, look.backends),
    *(amount, match, evaluate, generate, restore, stops),
):
    app.command()(command)
app.add_typer(manifest_app, name="manifest")
app.add_typer(models_app, name="models")
app.add_typer(lora_app, name="lora")
app.add_typer(listen_app, name="listen")
app.add_typer(live_app, name="live")


def _version(wanted: bool) -> None:
    if wanted:
        from morphsep import __version__

        print(__version__)
        raise typer.Exit


@app.callback()
def version(
    wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Change a guitar's tone inside finished recordings: separate, morph, put back."""


def main() -> NoReturn:
    """Entry point: runs the command; errors become a sentence and an exit code."""
    from morphsep import storage

    with streams.unbreakable():
        streams.log_to_stderr()
        with storage.interrupts_remembered(), storage.ended_by_sigterm():
            code, sentence = _run()
            if storage.was_interrupted() or code == INTERRUPTED:
                sentence = "interrupted; the same command goes on where this stopped"
                code = INTERRUPTED
        if sentence is None and (lost := streams.lost_output()):
            sentence = f"not all that was said could be printed: {lost.strerror}"
        if sentence:
            print(f"morphsep: {streams.shown(sentence)}", file=sys.stderr)
    sys.exit(code)


INTERRUPTED = 130


def _run() -> tuple[int, str | None]:
    """Runs the command: its exit code, and a sentence that explains it where one is needed."""
    from morphsep.errors import MorphsepError

    try:
        # without standalone mode `typer.Exit` comes back as the result, Ctrl-C as 130
        return app(standalone_mode=False) or 0, None
    except MorphsepError as error:
        return (3 if isinstance(error, OSError) else 1), str(error)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED, None
    except OSError as error:
        why = error.strerror if error.filename is None and error.strerror else str(error)
        return 3, f"{why}; nothing is lost: repair this and run the same command again"
    except Exception as error:
        # click's usage errors know how to show themselves
        if not hasattr(error, "show"):
            raise
        error.show()
        return 1, None
