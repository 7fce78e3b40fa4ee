"""The command line: parses, calls, prints."""

from morphsep.cli.app import main

__all__ = ["main"]
