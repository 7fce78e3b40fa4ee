"""Writes docs/reference/command-line.md: what ``--help`` says, command by command.

    python -m jobs.command_line_page          # after a change of an option or a help text

`tests/test_docs.py` holds the page against the program.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "command-line.md"
WIDTH = 100
"""Columns of the terminal that the help is written for."""
INTRODUCTION = """\
# Command line

This page is what `--help` says, command by command.
[Error and exit codes](errors.md) has the exit codes. `python -m jobs.command_line_page` writes it.
"""


def page() -> str:
    """The page (Markdown)."""
    import typer

    from morphsep.cli.app import app

    blocks = [INTRODUCTION]
    for words in _commands(typer.main.get_command(app), ("morphsep",)):
        level = "#" * min(len(words) + 1, 3)
        blocks.append(f"{level} {' '.join(words)}\n\n```text\n{_help(words)}\n```\n")
    return "\n".join(blocks)


def _commands(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The words of a command and of all commands below it."""
    yield words
    for name, below in getattr(command, "commands", {}).items():
        yield from _commands(below, (*words, name))


def _help(words: tuple[str, ...]) -> str:
    from typer.testing import CliRunner

    from morphsep.cli.app import app

    environment = {"COLUMNS": str(WIDTH), "TERMINAL_WIDTH": str(WIDTH)}
    result = CliRunner(env=environment).invoke(app, [*words[1:], "--help"], prog_name=words[0])
    if result.exit_code:
        raise RuntimeError(f"{' '.join(words)} --help ended with {result.exit_code}")
    return "\n".join(line.rstrip() for line in result.output.strip().splitlines())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
