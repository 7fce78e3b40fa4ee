"""Bytes that nobody would write, through each of our own parsers, guided by what code they reach.

    pip install atheris
    python -m jobs.fuzz_parsers mpeg [--seconds 1200] [--corpus FOLDER]

An input may end in a value or in an error that is documented; anything else, and more than 1 s of
CPU time, stops the search: the input is written to FOLDER and its traceback printed. Without
atheris (or with --blind) bytes of known files are changed at random, which reaches less.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import tempfile
from contextlib import nullcontext
from pathlib import Path

from jobs.fuzz_parsers.search import search, search_blindly
from jobs.fuzz_parsers.seeds import seeds
from jobs.fuzz_parsers.targets import TARGETS


def main() -> None:
    """Searches one parser."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parser", choices=TARGETS)
    parser.add_argument("--seconds", type=float, default=1200.0)
    parser.add_argument("--corpus", type=Path, default=Path(tempfile.gettempdir(), "fuzz-corpus"))
    parser.add_argument("--blind", action="store_true", help="without atheris")
    chosen = parser.parse_args()
    target, corpus = TARGETS[chosen.parser], chosen.corpus / chosen.parser
    os.environ["PATH"] = ""  # the parsers are ours: no ffmpeg
    guided = not chosen.blind and importlib.util.find_spec("atheris") is not None
    with (
        importlib.import_module("atheris").instrument_imports(["morphsep", "yaml", "mutagen"])
        if guided
        else nullcontext()
    ):
        for data in (inputs := seeds(chosen.parser)):
            target(data)  # loads all that it needs
    if guided:
        search(target, inputs, chosen.seconds, corpus)
    found = search_blindly(target, inputs, chosen.seconds)
    print(f"{found.tried} inputs\n{found.fault}")
    if found.fault:
        corpus.mkdir(parents=True, exist_ok=True)
        (corpus / "fault").write_bytes(found.data)
    raise SystemExit(bool(found.fault))


if __name__ == "__main__":
    main()
